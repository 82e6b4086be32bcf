# Make every data file of the course from R packages.
#
#   Rscript data/export.R           writes into data/
#   Rscript data/export.R folder    writes into another folder, to compare
#
# Debian and Ubuntu have all the packages: apt install r-cran-{aer,bayesm,hsaur3,lme4,nlme,rstanarm}
# Running it twice gives the same bytes. After it, `make data` fills in rows, bytes and
# checksums in datapackage.json and writes README.md.

options(scipen = 100) # 100000, never 1e+05

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
folder <- c(commandArgs(TRUE), dirname(script))[1]

from <- function(package, name) {
  if (!requireNamespace(package, quietly = TRUE)) {
    stop(name, " needs the R package ", package, ": apt-get install r-cran-", tolower(package), call. = FALSE)
  }
  shelf <- new.env()
  data(list = name, package = package, envir = shelf)
  shelf[[name]]
}

# Each argument after the file name is a column. Only columns that hold a comma are quoted.
write <- function(file, ...) {
  table <- data.frame(..., check.names = FALSE)
  path <- file.path(folder, file)
  # gzfile() stores neither a time nor a name in the file, so the bytes depend on the data alone
  out <- if (endsWith(file, ".gz")) gzfile(path, "wb", compression = 9) else file(path, "wb")
  on.exit(close(out))
  writeLines(paste(names(table), collapse = ","), out)
  write.table(table, out, sep = ",", na = "", row.names = FALSE, col.names = FALSE, eol = "\n",
              quote = which(vapply(table, function(v) any(grepl(",", v, fixed = TRUE)), logical(1))))
  message(sprintf("%-25s %6d rows", file, nrow(table)))
}

# Some tables passed through 32-bit numbers, so 0.5102 became 0.510200023651123.
# Take the shortest decimal that is still the same 32-bit number.
shortest_single <- function(x) {
  bits <- function(v) colSums(matrix(as.integer(writeBin(as.double(v), raw(), size = 4)), 4) * 256^(0:3))
  for (digits in 9:6) {
    short <- signif(x, digits)
    same <- bits(short) == bits(x)
    x[same] <- short[same]
  }
  x
}

# --- radon: the package keeps log(activity + 0.1); the survey measured activity to one decimal
radon <- from("rstanarm", "radon")
write("radon.csv",
  county = trimws(radon$county),
  floor = radon$floor,
  activity = round(exp(radon$log_radon) - 0.1, 1),
  log_uranium = radon$log_uranium
)

# --- marketing
cheese <- from("bayesm", "cheese")
city_chain <- do.call(rbind, strsplit(as.character(cheese$RETAILER), " - ", fixed = TRUE))
write("cheese.csv",
  retailer = cheese$RETAILER,
  city = city_chain[, 1],
  chain = sub("^KROGER CO$", "KROGER", city_chain[, 2]), # one chain under two spellings
  volume = cheese$VOLUME,
  display = cheese$DISP,
  price = cheese$PRICE
)

juice <- from("bayesm", "orangeJuice")
brands <- c("Tropicana Premium 64", "Tropicana Premium 96", "Florida's Natural 64", "Tropicana 64",
            "Minute Maid 64", "Minute Maid 96", "Citrus Hill 64", "Tree Fresh 64", "Florida Gold 64",
            "Dominick's 64", "Dominick's 128")
sales <- juice$yx[order(juice$yx$store, juice$yx$brand, juice$yx$week), ]
prices <- as.matrix(sales[paste0("price", seq_along(brands))])
size <- as.integer(sub(".* ", "", brands))[sales$brand]
ounces <- as.integer(round(exp(sales$logmove)))
stopifnot(ounces %% size == 0) # whole packages: the source counts ounces, whatever its help page says
write("orange_juice.csv.gz",
  store = sales$store,
  brand = brands[sales$brand],
  week = sales$week,
  size = size,
  ounces = ounces,
  price = prices[cbind(seq_len(nrow(sales)), sales$brand)], # the row's own brand
  deal = sales$deal,
  feature = sales$feat,
  profit = sales$profit
)

stores <- juice$storedemo
write("orange_juice_stores.csv",
  store = stores$STORE,
  age_60 = stores$AGE60,
  college = stores$EDUC,
  minority = stores$ETHNIC,
  log_income = stores$INCOME,
  large_household = stores$HHLARGE,
  working_women = stores$WORKWOM,
  high_home_value = stores$HVAL150,
  warehouse_distance = stores$SSTRDIST,
  warehouse_sales_ratio = stores$SSTRVOL,
  competitor_distance = stores$CPDIST5,
  competitor_sales_ratio = stores$CPWVOL5
)

# --- designed experiments and measurements
sleepstudy <- from("lme4", "sleepstudy")
write("sleepstudy.csv", subject = sleepstudy$Subject, days = sleepstudy$Days, reaction = sleepstudy$Reaction)

penicillin <- from("lme4", "Penicillin")
write("penicillin.csv", plate = penicillin$plate, sample = penicillin$sample, diameter = penicillin$diameter)

pastes <- from("lme4", "Pastes")
write("pastes.csv", batch = pastes$batch, cask = pastes$cask, sample = pastes$sample, strength = pastes$strength)

for (name in c("Dyestuff", "Dyestuff2")) {
  dyestuff <- from("lme4", name)
  write(paste0(tolower(name), ".csv"), batch = dyestuff$Batch, yield = dyestuff$Yield)
}

orthodont <- from("nlme", "Orthodont")
write("orthodont.csv",
  subject = orthodont$Subject,
  sex = tolower(orthodont$Sex),
  age = orthodont$age,
  distance = orthodont$distance
)

# --- teaching and schools
write("teaching_ratings.csv", from("AER", "TeachingRatings"))

insteval <- from("lme4", "InstEval")
write("insteval.csv.gz",
  student = insteval$s,
  lecturer = insteval$d,
  department = insteval$dept,
  service = insteval$service,
  student_age = insteval$studage,
  lecture_age = insteval$lectage,
  rating = insteval$y
)

schools <- from("AER", "CASchools")
measured <- vapply(schools, is.numeric, logical(1))
schools[measured] <- lapply(schools[measured], shortest_single)
write("ca_schools.csv", schools)

# --- traffic, trials, baseball
fatalities <- from("AER", "Fatalities")
measured <- vapply(fatalities, is.double, logical(1))
fatalities[measured] <- lapply(fatalities[measured], shortest_single)
write("fatalities.csv", fatalities)

smoking <- from("HSAUR3", "smoking")
write("smoking.csv",
  trial = rep(rownames(smoking), each = 2),
  arm = c("control", "gum"),
  patients = as.vector(rbind(smoking$tc, smoking$tt)),
  quit = as.vector(rbind(smoking$qc, smoking$qt))
)

bball1970 <- from("rstanarm", "bball1970")
write("bball1970.csv",
  player = bball1970$Player,
  at_bats = bball1970$AB,
  hits = bball1970$Hits,
  remaining_at_bats = bball1970$RemainingAB,
  remaining_hits = bball1970$RemainingHits
)

tumors <- from("rstanarm", "tumors")
write("tumors.csv", experiment = seq_len(nrow(tumors)), rats = tumors$K, tumors = tumors$y)
