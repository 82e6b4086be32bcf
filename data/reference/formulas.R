# Fit formulas as people write them with lme4 and write the criterion of each to data/reference/formulas.json.
#
#   Rscript data/reference/formulas.R        (from the root of the repository; `make reference` calls it)
#
# The names are ours, the values are R's way of writing the same. Half a minute.

suppressPackageStartupMessages({
  library(lme4)
  library(splines)
})
invisible(Sys.setlocale("LC_COLLATE", "C"))
script <- "data/reference/formulas.R"
source_file <- "data/teaching_ratings.csv"

ratings <- read.csv(source_file)
ratings$upper <- ratings$division == "upper"
ratings$stage <- cut(ratings$age, c(0, 40, 55, 100), labels = c("early", "middle", "late"))
ratings$people <- 1e5 * ratings$students
ratings$prof.id <- ratings[["prof id"]] <- ratings$prof

formulas <- c(
  "eval - beauty ~ age + (1 | prof)" = "I(eval - beauty) ~ age + (1 | prof)",
  "log(eval) - log(age) ~ beauty + (1 | prof)" = "I(log(eval) - log(age)) ~ beauty + (1 | prof)",
  "eval**2 ~ beauty + (1 | prof)" = "I(eval^2) ~ beauty + (1 | prof)",
  "eval - 1 ~ beauty + (1 | prof)" = "I(eval - 1) ~ beauty + (1 | prof)",
  "2*eval ~ beauty + (1 | prof)" = "I(2 * eval) ~ beauty + (1 | prof)",
  "eval ~ 0 + upper + (1 | prof)" = NA,
  "eval ~ upper:beauty + (1 | prof)" = NA,
  "eval ~ upper + upper:beauty + (1 | prof)" = NA,
  "eval ~ beauty + (0 + upper | prof)" = NA,
  "eval ~ beauty + (upper || prof)" = "eval ~ beauty + (1 | prof) + (0 + upper | prof)",
  "eval ~ upper * stage + (1 | prof)" = NA,
  "eval ~ scale(age) + (1 | prof)" = NA,
  "eval ~ poly(age, 2) + (1 | prof)" = NA,
  "eval ~ bs(age, df=4) + (1 | prof)" = "eval ~ bs(age, df = 4) + (1 | prof)",
  "eval ~ stage/beauty + (1 | prof)" = NA,
  "eval ~ 0 + stage/beauty + (1 | prof)" = NA,
  "eval ~ (beauty + age + stage)**2 + (1 | prof)" = "eval ~ (beauty + age + stage)^2 + (1 | prof)",
  "eval ~ beauty^2 + (1 | prof)" = NA,
  "eval ~ stage * beauty - beauty + (1 | prof)" = NA,
  "eval ~ C(stage) + (1 | prof)" = "eval ~ factor(stage) + (1 | prof)",
  "eval ~ I(age*1e3) + (1 | prof)" = "eval ~ I(age * 1000) + (1 | prof)",
  "eval ~ I(beauty > 0) + (1 | prof)" = NA,
  "eval ~ 0 + I(beauty > 0) + (1 | prof)" = NA,
  "eval ~ beauty:I(age > 50) + (1 | prof)" = NA,
  "eval ~ people + I(people**2) + (1 | prof)" = "eval ~ people + I(people^2) + (1 | prof)",
  "eval ~ beauty + beauty + (1 | prof)" = NA,
  "eval ~ -beauty + age + (1 | prof)" = NA,
  "eval ~ beauty + (1 | prof.id)" = NA,
  "eval ~ beauty + (1 | `prof id`)" = NA,
  "eval ~ beauty + (1 | `prof`)" = NA
)

fit <- function(ours, theirs) {
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE,
                         check.rankX = "stop.deficient", check.conv.singular = "ignore", check.scaleX = "ignore")
  model <- lmer(as.formula(if (is.na(theirs)) ours else theirs), ratings, control = control)
  list(criterion = REMLcrit(model), fixed = length(fixef(model)), random = length(getME(model, "theta")))
}
fits <- Map(fit, names(formulas), formulas)
found <- list(
  r = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
  sha256 = sapply(c(script, source_file), digest::digest, algo = "sha256", file = TRUE, simplify = FALSE),
  formulas = fits
)
writeLines(jsonlite::toJSON(found, auto_unbox = TRUE, digits = 10, pretty = 1), "data/reference/formulas.json")
