# Fit the course's reference models with lme4 and write what it finds to data/reference/lme4.json.
#
#   Rscript data/reference/lme4.R        (from the root of the repository; `make reference` calls it)
#
# Each model is fitted by REML and by ML with each of the optimisers below, lme4's own default first, and then once
# more from the best place they found, with a finer step. The fit with the lowest criterion is kept; what the others
# reached, and what they warned of, is kept beside it. All of it takes about five minutes, most of them for InstEval.
#
# Conditional modes are kept by level. Of a factor with more than 100 levels (students and lecturers of InstEval) only
# the first 20 and the last 20 are kept, in the order of the levels that lme4 sorts them into.
#
# The JSON names the SHA-256 of this file and of each data set, so that a test can tell stale numbers from fresh ones.

needed <- c("lme4", "optimx", "jsonlite", "digest")
missing_packages <- needed[!vapply(needed, requireNamespace, logical(1), quietly = TRUE)]
if (length(missing_packages) > 0) {
  message("data/reference/lme4.R needs the R packages ", paste(needed, collapse = ", "), "; missing here: ",
          paste(missing_packages, collapse = ", "), ".\nOn Debian or Ubuntu: apt-get install ",
          paste0("r-cran-", tolower(missing_packages), collapse = " "))
  quit(status = 1)
}
script <- "data/reference/lme4.R"
output <- "data/reference/lme4.json"
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
  penicillin = "data/penicillin.csv", dyestuff = "data/dyestuff.csv", dyestuff2 = "data/dyestuff2.csv",
  sleepstudy = "data/sleepstudy.csv", cheese = "data/cheese.csv", orange_juice = "data/orange_juice.csv.gz",
  insteval = "data/insteval.csv.gz"
)
tables <- lapply(sources, read.csv, encoding = "UTF-8")

radon <- tables$radon
radon$y <- log(ifelse(radon$activity == 0, 0.1, radon$activity)) # log pCi/L; three houses measured 0
radon$floor_mean <- ave(radon$floor, radon$county) # share of a county's houses measured on the first floor

cheese <- tables$cheese
cheese$log_volume <- log(cheese$volume)
cheese$log_price <- log(cheese$price) # log USD
cheese$log_price_centred <- cheese$log_price - mean(cheese$log_price)

juice <- tables$orange_juice
juice$log_ounces <- log(juice$ounces)
juice$log_price <- log(juice$price) # log USD per fl oz
juice$log_price_centred <- juice$log_price - mean(juice$log_price) # over all eleven brands
tropicana <- juice[juice$brand == "Tropicana Premium 64", ]

sources["tropicana"] <- sources["orange_juice"]
frames <- modifyList(tables, list(radon = radon, cheese = cheese, orange_juice = juice, tropicana = tropicana))

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
  "pastes nested" = list("pastes", strength ~ 1 + (1 | batch) + (1 | batch:cask)), # the same: (1 | batch/cask)
  "penicillin" = list("penicillin", diameter ~ 1 + (1 | plate) + (1 | sample)), # crossed
  "dyestuff" = list("dyestuff", yield ~ 1 + (1 | batch)),
  "dyestuff2" = list("dyestuff2", yield ~ 1 + (1 | batch)), # singular: the optimum lies at the boundary
  "sleepstudy intercepts" = list("sleepstudy", reaction ~ days + (1 | subject)),
  "sleepstudy slopes" = list("sleepstudy", reaction ~ days + (1 + days | subject)),
  "sleepstudy independent" = list("sleepstudy", reaction ~ days + (1 | subject) + (0 + days | subject)),
  "cheese" = list("cheese", log_volume ~ log_price + display + (1 + log_price | retailer)),
  "cheese centred" = list(
    "cheese", log_volume ~ log_price_centred + display + (1 + log_price_centred | retailer)
  ),
  "orange juice tropicana" = list(
    "tropicana", log_ounces ~ log_price_centred + deal + feature + (1 + log_price_centred | store)
  ),
  "orange juice" = list(
    "orange_juice",
    log_ounces ~ log_price_centred + deal + feature + (1 + log_price_centred | store) +
      (1 + log_price_centred | brand)
  ),
  "insteval" = list("insteval", rating ~ service + (1 | student) + (1 | lecturer) + (1 | department))
)
with_conditional_sd <- c("radon M1", "radon M3", "penicillin", "pastes", "dyestuff", "sleepstudy slopes")
with_places <- c("radon M3", "radon M4") # where each optimiser stopped
slow <- c("insteval", "orange juice") # with the first two optimisers only

# bobyqa and Nelder_Mead are told to go on for longer than their defaults do: a reference should hold many digits.
optimisers <- list(
  "nloptwrap (default)" = lmerControl(),
  "bobyqa" = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9)),
  "Nelder_Mead" = lmerControl(optimizer = "Nelder_Mead", optCtrl = list(FtolAbs = 1e-12, XtolRel = 1e-10)),
  "nlminbwrap" = lmerControl(optimizer = "nlminbwrap"),
  "optimx L-BFGS-B" = lmerControl(optimizer = "optimx", optCtrl = list(method = "L-BFGS-B"))
)
# Once more from the best place: its trust region is small, so it polishes and does not wander.
restarted <- "bobyqa, restarted"
polish <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.002, rhoend = 1e-10))

# ---- one fit ------------------------------------------------------------------------------------------------

plain_name <- function(x) sub("^\\(Intercept\\)$", "Intercept", x)

# Ten significant digits: more than any two engines share, and the same bytes each time.
# A criterion has the decimals of its fifth, whatever its size: six.
digits <- function(x) signif(unname(x), 10)
decimals <- function(x) round(unname(x), 6)

one_line <- function(x) gsub("\\s+", " ", trimws(conditionMessage(x)))

# The fit together with every warning and message that came with it.
fit_quietly <- function(formula, data, reml, control, start = NULL) {
  said <- character()
  keep <- function(restart) function(condition) {
    said <<- c(said, one_line(condition))
    invokeRestart(restart)
  }
  fit <- withCallingHandlers(
    lmer(formula, data = data, REML = reml, control = control, start = start),
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

# lme4 calls the second term of one factor `subject.1`; here both belong to `subject`.
plain_group <- function(x) sub("\\.[0-9]+$", "", x)

# Standard deviations and correlations: the first variable of a row alone is an SD, two variables are a correlation.
describe_random <- function(fit, correlations) {
  rows <- as.data.frame(VarCorr(fit))
  rows <- rows[rows$grp != "Residual" & is.na(rows$var2) != correlations, ]
  lapply(seq_len(nrow(rows)), function(i) {
    term <- paste(plain_group(rows$grp[i]), plain_name(rows$var1[i]))
    if (correlations) term <- paste0(term, ", ", plain_name(rows$var2[i]))
    list(term = term, estimate = digits(rows$sdcor[i]))
  })
}

# The relative factor Lambda, element by element: `county Intercept` and `county floor` are on the diagonal of
# county's block, `county Intercept, floor` is below it.
describe_theta <- function(fit) {
  blocks <- getME(fit, "cnms")
  terms <- unlist(lapply(seq_along(blocks), function(b) {
    names <- plain_name(blocks[[b]])
    below <- outer(names, names, function(row, column) ifelse(row == column, row, paste0(column, ", ", row)))
    paste(plain_group(names(blocks)[b]), below[lower.tri(below, diag = TRUE)])
  }))
  Map(function(term, value) list(term = term, estimate = digits(value)), terms, getME(fit, "theta"), USE.NAMES = FALSE)
}

by_level <- function(values, levels) {
  shown <- if (length(levels) > 100) c(head(levels, 20), tail(levels, 20)) else levels
  as.list(setNames(digits(values), levels)[shown])
}

describe_modes <- function(fit) {
  lapply(ranef(fit, condVar = FALSE), function(modes) {
    setNames(lapply(modes, by_level, rownames(modes)), plain_name(names(modes)))
  })
}

# Standard deviations of the effects of one level given the data, fixed effects and variances taken as known.
describe_conditional_sd <- function(fit) {
  lapply(ranef(fit, condVar = TRUE), function(modes) {
    variances <- attr(modes, "postVar") # terms x terms x levels
    columns <- lapply(seq_along(modes), function(i) by_level(sqrt(variances[i, i, ]), rownames(modes)))
    setNames(columns, plain_name(names(modes)))
  })
}

describe_place <- function(fit) {
  list(
    sd = describe_random(fit, correlations = FALSE),
    cor = describe_random(fit, correlations = TRUE),
    residual = digits(sigma(fit))
  )
}

describe <- function(name, reml) {
  formula <- models[[name]][[2]]
  data <- frames[[models[[name]][[1]]]]
  used <- if (name %in% slow) optimisers[1:2] else optimisers
  tries <- lapply(used, function(control) fit_quietly(formula, data, reml, control))
  reached <- vapply(tries, function(try) criterion(try$fit), numeric(1))
  start <- getME(tries[[which.min(reached)]]$fit, "theta")
  tries[[restarted]] <- fit_quietly(formula, data, reml, polish, start)
  reached <- vapply(tries, function(try) criterion(try$fit), numeric(1))
  best <- which.min(reached)
  fit <- tries[[best]]$fit
  described <- c(describe_place(fit), list(
    kept = names(tries)[best],
    criterion = decimals(reached[best]),
    log_likelihood = decimals(as.numeric(logLik(fit))),
    parameters = attr(logLik(fit), "df"),
    aic = decimals(AIC(fit)),
    bic = decimals(BIC(fit)),
    singular = isSingular(fit),
    theta = describe_theta(fit),
    fixed = describe_fixed(fit),
    conditional_modes = describe_modes(fit),
    optimisers = lapply(tries, function(try) {
      c(
        list(criterion = decimals(criterion(try$fit)), singular = isSingular(try$fit), warnings = as.list(try$said)),
        if (name %in% with_places) describe_place(try$fit)
      )
    })
  ))
  if (name %in% with_conditional_sd) described$conditional_sd <- describe_conditional_sd(fit)
  described
}

# ---- all fits -----------------------------------------------------------------------------------------------

sha256 <- function(path) digest::digest(file = path, algo = "sha256")

described <- lapply(setNames(nm = names(models)), function(name) {
  model <- models[[name]]
  list(
    data = sources[[model[[1]]]],
    formula = paste(deparse(model[[2]], width.cutoff = 500), collapse = " "),
    rows = nrow(frames[[model[[1]]]]),
    REML = describe(name, TRUE),
    ML = describe(name, FALSE)
  )
})
sources <- sources[!duplicated(sources)]

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
json <- jsonlite::toJSON(sorted(record), auto_unbox = TRUE, digits = I(14), na = "null", pretty = 1)
writeLines(json, output, useBytes = TRUE)

for (name in names(described)) {
  for (method in c("REML", "ML")) {
    fit <- described[[name]][[method]]
    reached <- vapply(fit$optimisers, function(x) x$criterion, numeric(1))
    message(sprintf("%-22s %-4s %10.3f by %-20s; the optimisers end above it by %s", name, method, fit$criterion, fit$kept,
                    paste(sprintf("%.5f", reached - fit$criterion), collapse = " ")))
  }
}
