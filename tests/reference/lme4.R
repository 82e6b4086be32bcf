# Fit the course's reference models with lme4 and write what it finds to tests/reference/lme4.json.
#
#   Rscript tests/reference/lme4.R        (from the root of the repository; `make reference` calls it)
#
# Each model is fitted by REML and by ML with each of the optimisers below, lme4's own default first.
# The fit with the lowest criterion is kept; what the others reached, and what they warned of, is kept beside it.
# The JSON names the SHA-256 of this file and of each data set, so that a test can tell stale numbers from fresh ones.

needed <- c("lme4", "optimx", "jsonlite", "digest")
missing_packages <- needed[!vapply(needed, requireNamespace, logical(1), quietly = TRUE)]
if (length(missing_packages) > 0) {
  message("tests/reference/lme4.R needs the R packages ", paste(needed, collapse = ", "), "; missing here: ",
          paste(missing_packages, collapse = ", "), ".\nOn Debian or Ubuntu: apt-get install ",
          paste0("r-cran-", tolower(missing_packages), collapse = " "))
  quit(status = 1)
}
script <- "tests/reference/lme4.R"
output <- "tests/reference/lme4.json"
if (!file.exists(script)) {
  message("Run this from the root of the repository: Rscript ", script)
  quit(status = 1)
}
invisible(Sys.setlocale("LC_COLLATE", "C")) # the order of groups must not depend on the machine
suppressPackageStartupMessages({
  library(lme4)
  library(optimx) # lme4 finds optimx's optimisers only when the package is attached
})

# ---- data, as the chapters prepare them ---------------------------------------------------------------------

sources <- c(
  radon = "data/radon.csv", teaching_ratings = "data/teaching_ratings.csv", pastes = "data/pastes.csv",
  penicillin = "data/penicillin.csv", dyestuff2 = "data/dyestuff2.csv"
)
tables <- lapply(sources, read.csv, encoding = "UTF-8")

radon <- tables$radon
radon$y <- log(ifelse(radon$activity == 0, 0.1, radon$activity)) # log pCi/L; three houses measured 0
radon$floor_mean <- ave(radon$floor, radon$county) # share of a county's houses measured on the first floor

frames <- modifyList(tables, list(radon = radon))

models <- list(
  "radon M0" = list("radon", y ~ 1 + (1 | county)),
  "radon M1" = list("radon", y ~ floor + (1 | county)),
  "radon M2" = list("radon", y ~ floor + log_uranium + (1 | county)),
  "radon M3" = list("radon", y ~ floor + (1 + floor | county)),
  "radon M4" = list("radon", y ~ floor * log_uranium + (1 + floor | county)),
  "radon within-between" = list("radon", y ~ floor + log_uranium + floor_mean + (1 | county)),
  "ratings null" = list("teaching_ratings", eval ~ 1 + (1 | prof)),
  "ratings beauty" = list("teaching_ratings", eval ~ beauty + (1 | prof)),
  "pastes" = list("pastes", strength ~ 1 + (1 | batch) + (1 | sample)), # nested: a sample is a cask of a batch
  "penicillin" = list("penicillin", diameter ~ 1 + (1 | plate) + (1 | sample)), # crossed
  "dyestuff2" = list("dyestuff2", yield ~ 1 + (1 | batch)) # singular: the optimum lies at the boundary
)

# bobyqa and Nelder_Mead are told to go on for longer than their defaults do: a reference should hold many digits.
optimisers <- list(
  "nloptwrap (default)" = lmerControl(),
  "bobyqa" = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9)),
  "Nelder_Mead" = lmerControl(optimizer = "Nelder_Mead", optCtrl = list(FtolAbs = 1e-12, XtolRel = 1e-10)),
  "nlminbwrap" = lmerControl(optimizer = "nlminbwrap"),
  "optimx L-BFGS-B" = lmerControl(optimizer = "optimx", optCtrl = list(method = "L-BFGS-B"))
)

# ---- one fit ------------------------------------------------------------------------------------------------

plain_name <- function(x) sub("^\\(Intercept\\)$", "Intercept", x)

# Ten significant digits: more than any two engines share, and the same bytes each time.
digits <- function(x) signif(unname(x), 10)

one_line <- function(x) gsub("\\s+", " ", trimws(conditionMessage(x)))

# The fit together with every warning and message that came with it.
fit_quietly <- function(formula, data, reml, control) {
  said <- character()
  keep <- function(restart) function(condition) {
    said <<- c(said, one_line(condition))
    invokeRestart(restart)
  }
  fit <- withCallingHandlers(
    lmer(formula, data = data, REML = reml, control = control),
    warning = keep("muffleWarning"), message = keep("muffleMessage")
  )
  list(fit = fit, said = said)
}

criterion <- function(fit) -2 * as.numeric(logLik(fit))

describe_fixed <- function(fit) {
  values <- coef(summary(fit))
  lapply(seq_len(nrow(values)), function(i) {
    list(term = plain_name(rownames(values)[i]), estimate = digits(values[i, "Estimate"]),
         se = digits(values[i, "Std. Error"]))
  })
}

# Standard deviations and correlations: the first variable of a row alone is an SD, two variables are a correlation.
describe_random <- function(fit, correlations) {
  rows <- as.data.frame(VarCorr(fit))
  rows <- rows[rows$grp != "Residual" & is.na(rows$var2) != correlations, ]
  lapply(seq_len(nrow(rows)), function(i) {
    term <- paste(rows$grp[i], plain_name(rows$var1[i]))
    if (correlations) term <- paste0(term, ", ", plain_name(rows$var2[i]))
    list(term = term, estimate = digits(rows$sdcor[i]))
  })
}

describe_modes <- function(fit) {
  lapply(ranef(fit, condVar = FALSE), function(modes) {
    columns <- lapply(modes, function(x) as.list(setNames(digits(x), rownames(modes))))
    setNames(columns, plain_name(names(modes)))
  })
}

describe <- function(formula, data, reml) {
  tries <- lapply(optimisers, function(control) fit_quietly(formula, data, reml, control))
  reached <- vapply(tries, function(try) criterion(try$fit), numeric(1))
  best <- which.min(reached)
  fit <- tries[[best]]$fit
  list(
    kept = names(optimisers)[best],
    criterion = digits(reached[best]),
    log_likelihood = digits(as.numeric(logLik(fit))),
    singular = isSingular(fit),
    fixed = describe_fixed(fit),
    sd = describe_random(fit, correlations = FALSE),
    cor = describe_random(fit, correlations = TRUE),
    residual = digits(sigma(fit)),
    conditional_modes = describe_modes(fit),
    optimisers = lapply(tries, function(try) {
      list(criterion = digits(criterion(try$fit)), singular = isSingular(try$fit), warnings = as.list(try$said))
    })
  )
}

# ---- all fits -----------------------------------------------------------------------------------------------

sha256 <- function(path) digest::digest(file = path, algo = "sha256")

described <- lapply(models, function(model) {
  data <- frames[[model[[1]]]]
  list(
    data = sources[[model[[1]]]],
    formula = paste(deparse(model[[2]], width.cutoff = 500), collapse = " "),
    rows = nrow(data),
    REML = describe(model[[2]], data, TRUE),
    ML = describe(model[[2]], data, FALSE)
  )
})

packages <- c("lme4", "Matrix", "minqa", "nloptr", "optimx", "jsonlite")
record <- list(
  made_by = script,
  sha256 = as.list(vapply(c(script, sources), sha256, character(1), USE.NAMES = FALSE)),
  session = list(
    r = R.version.string,
    platform = R.version$platform,
    packages = lapply(setNames(nm = packages), function(p) as.character(packageVersion(p))),
    info = as.list(capture.output(print(sessionInfo(), locale = FALSE)))
  ),
  models = described
)
names(record$sha256) <- c(script, sources)

# Names in alphabetical order at every level (lists without names keep theirs), so that a change shows as a small diff.
sorted <- function(x) {
  if (!is.list(x)) return(x)
  x <- lapply(x, sorted)
  if (is.null(names(x))) x else x[order(names(x))]
}
json <- jsonlite::toJSON(sorted(record), auto_unbox = TRUE, digits = I(10), pretty = 1)
writeLines(json, output, useBytes = TRUE)

for (name in names(described)) {
  for (method in c("REML", "ML")) {
    fit <- described[[name]][[method]]
    reached <- vapply(fit$optimisers, function(x) x$criterion, numeric(1))
    message(sprintf("%-22s %-4s %10.3f by %-20s; the optimisers end above it by %s", name, method, fit$criterion, fit$kept,
                    paste(sprintf("%.3f", reached - fit$criterion), collapse = " ")))
  }
}
