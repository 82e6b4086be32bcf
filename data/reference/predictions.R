# Predict new rows with lme4 and write the predictions to data/reference/predictions.json.
#
#   Rscript data/reference/predictions.R     (from the root of the repository; `make reference` calls it)
#
# `group` is predict(model, rows, allow.new.levels = TRUE), `population` is predict(model, rows, re.form = NA).
# This lme4 gives predictions no standard errors; `se` is that of `group`, by dense matrices. A few seconds.

suppressPackageStartupMessages({
  library(lme4)
  library(splines)
})
invisible(Sys.setlocale("LC_COLLATE", "C"))
script <- "data/reference/predictions.R"

sources <- sprintf("data/%s.csv", c("sleepstudy", "pastes", "penicillin", "teaching_ratings"))

sleepstudy <- read.csv(sources[1], colClasses = c(subject = "character"))
pastes <- read.csv(sources[2])
penicillin <- read.csv(sources[3])
ratings <- read.csv(sources[4], colClasses = c(prof = "character"))

models <- list(
  "sleepstudy slopes" = list(
    formula = reaction ~ days + (days | subject), data = sleepstudy,
    rows = data.frame(days = c(0, 5, 12, 5), subject = c("308", "308", "372", "new"))),
  "sleepstudy polynomial" = list(
    formula = reaction ~ poly(days, 2) + (1 | subject), data = sleepstudy,
    rows = data.frame(days = c(0, 4.5, 11), subject = c("308", "335", "new"))),
  "pastes nested" = list(
    formula = strength ~ 1 + (1 | batch / cask), data = pastes,
    rows = data.frame(batch = c("A", "A", "new"), cask = c("a", "new", "a"))),
  "penicillin crossed" = list(
    formula = diameter ~ 1 + (1 | plate) + (1 | sample), data = penicillin,
    rows = data.frame(plate = c("a", "a", "new", "new"), sample = c("A", "new", "F", "new"))),
  "ratings scaled" = list(
    formula = eval ~ scale(age) + division * beauty + (beauty | prof), data = ratings,
    rows = data.frame(age = c(30, 60, 75), division = c("upper", "lower", "upper"), beauty = c(-1, 0.5, 1),
                      prof = c("68", "1", "new"))),
  "ratings spline" = list(
    formula = eval ~ bs(age, df = 4) + (1 | prof), data = ratings,
    rows = data.frame(age = c(30, 60, 72), prof = c("68", "1", "new")))
)

# The standard error of X beta + Z u as a prediction, the variances taken as known: that of generalised least
# squares, from the covariance of the responses with what is predicted.
standard_errors <- function(model, data, rows) {
  bars <- findbars(formula(model))
  used <- intersect(unique(unlist(lapply(bars, all.vars))), names(rows))
  random <- mkReTrms(bars, model.frame(subbars(reformulate(sprintf("(%s)", sapply(bars, deparse)))),
                                       rbind(data[used], rows[used])))
  random$Lambdat@x <- getME(model, "theta")[random$Lind]
  covariance <- as.matrix(crossprod(random$Lambdat %*% random$Zt))  # Var(Z u) / sigma^2, old rows and new
  old <- seq_len(nrow(data))
  new <- nrow(data) + seq_len(nrow(rows))
  X <- getME(model, "X")
  fixed <- delete.response(terms(model, fixed.only = TRUE))
  texts <- intersect(all.vars(fixed), names(Filter(is.character, data)))
  new_X <- model.matrix(fixed, model.frame(fixed, rows, xlev = lapply(data[texts], function(x) sort(unique(x)))))
  weights <- solve(covariance[old, old] + diag(nrow(data)), covariance[old, new])
  d <- new_X - t(weights) %*% X
  information <- crossprod(X, solve(covariance[old, old] + diag(nrow(data)), X))
  relative <- diag(covariance[new, new] - t(covariance[old, new]) %*% weights) + rowSums(d %*% solve(information) * d)
  sigma(model) * sqrt(relative)
}

predicted <- function(model) {
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE)
  fit <- lmer(model$formula, model$data, control = control)
  list(rows = model$rows,
       group = unname(predict(fit, model$rows, allow.new.levels = TRUE)),
       population = unname(predict(fit, model$rows, re.form = NA)),
       se = unname(standard_errors(fit, model$data, model$rows)))
}
found <- list(
  r = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
  sha256 = sapply(c(script, sources), digest::digest, algo = "sha256", file = TRUE, simplify = FALSE),
  models = lapply(models, predicted)
)
writeLines(jsonlite::toJSON(found, auto_unbox = TRUE, digits = 10, pretty = 1), "data/reference/predictions.json")
