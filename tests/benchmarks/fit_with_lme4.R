# One engine of bench_lmm.py: time lme4 on the job described in a JSON file, answer in JSON.
suppressPackageStartupMessages(library(lme4))

job <- jsonlite::fromJSON(commandArgs(trailingOnly = TRUE)[1])
data <- read.csv(job$data, colClasses = setNames(rep("factor", length(job$factors)), job$factors))
formula <- as.formula(job$formula)
fit <- function() suppressWarnings(suppressMessages(lmer(formula, data = data)))
processor <- function() sum(proc.time()[c("user.self", "sys.self")]) # seconds, to the millisecond

invisible(lmer(Yield ~ 1 + (1 | Batch), data = Dyestuff)) # what is done once a session is not timed
seconds <- numeric()
while (length(seconds) < job$repeats && sum(seconds) < job$budget) {
  # fits of a few milliseconds are timed ten at a time
  batch <- if (length(seconds) > 0 && min(seconds) < 0.2) 10 else 1
  start <- processor()
  for (i in seq_len(batch)) found <- fit()
  seconds <- c(seconds, (processor() - start) / batch)
}
cat(jsonlite::toJSON(list(
  version = as.character(packageVersion("lme4")), seconds = min(seconds[seconds > 0]), criterion = REMLcrit(found)
), auto_unbox = TRUE, digits = I(14)))
