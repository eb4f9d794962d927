//! The arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use lake::Instant;

use crate::exit;

/// DORA metrics with their uncertainty, from what other systems recorded.
#[derive(Debug, Parser)]
#[command(name = "doracle", version, about, after_help = exit::ALL, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options every subcommand takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Configuration file of the project; `doracle.toml` if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the lake is: a folder or `s3://bucket/prefix`.
    #[arg(long, global = true, value_name = "PLACE")]
    pub(crate) lake: Option<String>,
    /// How data are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// When to use colour; `NO_COLOR` is heeded.
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto)]
    pub(crate) color: ColorWhen,
    /// Say only what went wrong; what was asked for is printed all the same, to standard output.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Threads that queries may use, from 1 to 1024; never changes a number. Default: those of the machine.
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
}

/// How data are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document with `format_version`.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated, with a header.
    Csv,
    /// A Parquet file on standard output.
    Parquet,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a small simulated organisation, measures it and writes a report.
    Demo(DemoArguments),
    /// Writes a report: from the lake, or straight from a git clone.
    Report(ReportArguments),
    /// Reads all configured sources, derives and reports: for cron.
    Run(RunArguments),
    /// Reads sources into the lake.
    Ingest(IngestArguments),
    /// Takes what sources push, until it is interrupted.
    Receive(ReceiveArguments),
    /// Derives the metrics and stores them in the lake.
    Derive(PeriodArguments),
    /// Writes every table of the lake as one Parquet file.
    Export(ExportArguments),
    /// Prints every table with types, units, nullability and meaning.
    Schema(SchemaArguments),
    /// Asks the lake a question in SQL.
    Sql(SqlArguments),
    /// Lists the metrics and what they mean; compares definitions; lists published clusters.
    Metrics(MetricsArguments),
    /// Says what a change of working did, before and after; or compares two arms of any table.
    Compare(Box<CompareArguments>),
    /// Lists the changes of working on record, and those that the configuration tells of or finds.
    Interventions(PeriodArguments),
    /// Freezes what is known before something changes, and what is going to be asked.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Packs a finding so that others can derive it again, and says what theirs are worth.
    #[command(subcommand)]
    Submission(crate::commands::submission::SubmissionCommand),
    /// Combines effects that several organisations measured, some of which may lie.
    Consensus(ConsensusArguments),
    /// Claims, everything that was reported on them, and what holds whoever lies: as a static site.
    #[command(subcommand)]
    Leaderboard(LeaderboardCommand),
    /// Runs of a benchmark: judged by the manifest of their level, and scored by the four metrics.
    #[command(subcommand)]
    Attempt(AttemptCommand),
    /// Lists the sources and what they fill.
    Sources,
    /// Looks after the lake.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Shows the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Checks that everything a run needs is there.
    Doctor,
    /// Explains a number, down to the events and raw pages behind it; or an error code.
    Explain(ExplainArguments),
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Which stretch of time to measure.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PeriodArguments {
    /// Start of the period.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) since: Option<Instant>,
    /// End of the period, excluded.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) until: Option<Instant>,
    /// Read the lake as of this version or time.
    #[arg(long, value_name = "VERSION|TIME", value_parser = as_of)]
    pub(crate) as_of: Option<lake::AsOf>,
    /// Windows of the trends; chosen by the number of rollouts if not given.
    #[arg(long, value_enum)]
    pub(crate) every: Option<Every>,
    /// IANA zone whose days and weeks windows follow.
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

/// Windows of the trends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Every {
    /// ISO weeks.
    Week,
    /// Months.
    Month,
    /// Quarters.
    Quarter,
    /// The release trains that the configuration describes.
    Train,
}

#[derive(Args, Debug)]
#[command(after_help = "The demo keeps a lake of its own in the folder that `--out` names; `--lake` does not fit.")]
pub(crate) struct DemoArguments {
    /// Folder to write to.
    #[arg(long, default_value = "doracle-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Which of the possible organisations.
    #[arg(long, default_value_t = 2026)]
    pub(crate) seed: u64,
    /// How many services it has.
    #[arg(long, default_value_t = 6)]
    pub(crate) services: u16,
    /// For how many weeks it is watched.
    #[arg(long, default_value_t = 26)]
    pub(crate) weeks: u16,
    /// Show the published clusters of this year beside the numbers; `doracle metrics benchmarks` lists the years.
    #[arg(long, value_name = "YEAR", value_parser = benchmark_year)]
    pub(crate) benchmarks: Option<u16>,
}

#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// A git clone to read; needs no configuration and no lake.
    #[arg(long, value_name = "PATH", requires = "releases")]
    pub(crate) git: Option<PathBuf>,
    /// Which tags are releases to production: a regular expression; groups `version` and `service` may be named.
    #[arg(long, value_name = "REGEX", requires = "git")]
    pub(crate) releases: Option<String>,
    /// Branch that changes are merged to; the clone's default branch if not given.
    #[arg(long, value_name = "NAME", requires = "git")]
    pub(crate) branch: Option<String>,
    /// Count pre-releases as releases too.
    #[arg(long, requires = "git")]
    pub(crate) prereleases: bool,
    /// Until when the clone is known to be up to date; its newest commit or tag if not given.
    #[arg(long, value_name = "TIME", requires = "git", value_parser = instant)]
    pub(crate) read_until: Option<Instant>,
    /// Folder to write to.
    #[arg(long, default_value = "report", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Report on one group of services only.
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Show the published clusters of this year beside the numbers; `doracle metrics benchmarks` lists the years.
    #[arg(long, value_name = "YEAR", value_parser = benchmark_year)]
    pub(crate) benchmarks: Option<u16>,
    #[command(flatten)]
    pub(crate) period: PeriodArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// Folder that gets one dated folder per run, and `latest`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Show the published clusters of this year beside the numbers; `doracle metrics benchmarks` lists the years.
    #[arg(long, value_name = "YEAR", value_parser = benchmark_year)]
    pub(crate) benchmarks: Option<u16>,
    #[command(flatten)]
    pub(crate) period: PeriodArguments,
}

#[derive(Args, Debug)]
pub(crate) struct IngestArguments {
    /// Read only these sources, by the name of their stream.
    #[arg(value_name = "STREAM")]
    pub(crate) streams: Vec<String>,
    /// Say what would be asked and ask nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read from here on, whatever was read before: a date or an instant with a zone.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) since: Option<Instant>,
    /// Read up to here and not to the present.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) until: Option<Instant>,
}

#[derive(Args, Debug)]
pub(crate) struct ReceiveArguments {
    /// Take deliveries for these sources only, by the name of their stream.
    #[arg(value_name = "STREAM")]
    pub(crate) streams: Vec<String>,
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8790", value_name = "ADDRESS")]
    pub(crate) listen: String,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// Folder to write to.
    #[arg(long, default_value = "export", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Read the lake as of this version or time.
    #[arg(long, value_name = "VERSION|TIME", value_parser = as_of)]
    pub(crate) as_of: Option<lake::AsOf>,
}

#[derive(Args, Debug)]
pub(crate) struct SchemaArguments {
    /// One table; all if not given.
    pub(crate) table: Option<String>,
    /// Print JSON Schema of the rows that the `files` source takes.
    #[arg(long)]
    pub(crate) json_schema: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SqlArguments {
    /// The query; every lake table stands under its name.
    pub(crate) query: String,
    /// Read the lake as of this version or time.
    #[arg(long, value_name = "VERSION|TIME", value_parser = as_of)]
    pub(crate) as_of: Option<lake::AsOf>,
}

/// Whether more of an outcome is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// What outcomes are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareScale {
    /// Positive numbers, as a ratio.
    Ratio,
    /// Shares from 0 to 1, as a difference.
    Difference,
}

#[derive(Args, Debug)]
pub(crate) struct CompareArguments {
    /// A change of working that is on record: services that took it up are compared with themselves before and with the
    /// others. Without it and without `--data`, the only one there is.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) practice: Option<String>,
    /// Terms that were fixed before looking, as a TOML file: `practice`, and a section `[terms]` with any of `window_weeks`,
    /// `follow_up_days`, `recovery_hours`, `margin_ratio`, `margin_difference`, `alpha`, `randomised`, `services`, `metrics`,
    /// `others` (`not_yet`, or `never`: only services that never began stand beside), `covariates` (attributes of services, of
    /// the table `service_attributes`), `replicates` and `seed`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "practice"])]
    pub(crate) plan: Option<PathBuf>,
    /// A baseline that was frozen before: the finding says whether the past is still what it was, and the terms are those
    /// that were frozen with it.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) baseline: Option<String>,
    /// Folder to write the finding to: as a page, as Markdown and as JSON.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    pub(crate) out: Option<PathBuf>,
    /// Weeks that are compared on each side of a date. Default: 12.
    #[arg(long, value_name = "N", conflicts_with_all = ["data", "plan"])]
    pub(crate) weeks: Option<u32>,
    /// Look at this service only; may be given again.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "plan"])]
    pub(crate) service: Vec<String>,
    #[command(flatten)]
    pub(crate) period: PeriodArguments,
    #[command(flatten)]
    pub(crate) table: TableArguments,
    /// Chance alone decided who was under which arm; without it a table is described, and nothing concluded.
    #[arg(long)]
    pub(crate) randomised: bool,
    /// How much worse still counts as not worse: a ratio, or with `--scale difference` a difference. Default: 1.1, or 0.03.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) margin: Option<f64>,
    /// Intervals are meant at one less this. Default: 0.05.
    #[arg(long, value_name = "SHARE")]
    pub(crate) alpha: Option<f64>,
    /// Replicates of bootstrap and permutation. Default: 4999.
    #[arg(long, value_name = "N")]
    pub(crate) replicates: Option<u32>,
    /// Their seed. Default: 1.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Freezes a period under a name: its data, definitions and services, and the terms that are going to be asked.
    Freeze {
        /// Its name.
        name: String,
        /// The terms that are going to be asked, as for `doracle compare --plan`.
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        #[command(flatten)]
        period: PeriodArguments,
    },
    /// Lists the baselines of the lake.
    List,
    /// Shows one baseline whole.
    Show {
        /// Its name.
        name: String,
    },
    /// Says whether the past is still what it was; exit code 5 where it is not.
    Check {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsensusCommand {
    /// Signs the set of reports on a claim as it stands: where all but as many as may lie do, the set is agreed on, and
    /// nobody has to trust the keeper of the board.
    Attest(AttestArguments),
}

#[derive(Args, Debug)]
pub(crate) struct AttestArguments {
    /// The folder of the board.
    pub(crate) board: PathBuf,
    /// The claim.
    #[arg(long, value_name = "ID")]
    pub(crate) claim: String,
    /// Your name in the registry of the board.
    #[arg(long, value_name = "ID")]
    pub(crate) operator: String,
    /// An Ed25519 key of OpenSSH, not encrypted.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The key under which the board takes fingerprints, where it has one.
    #[arg(long, value_name = "FILE")]
    pub(crate) board_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AttemptCommand {
    /// Judges the log of one run, and prints it as a row of the table `attempts`.
    Judge {
        /// The manifest of the level, TOML.
        #[arg(long, value_name = "FILE")]
        level: PathBuf,
        /// The log of the run: JSON Lines of `at`, `event` and what belongs to it.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// The id of the attempt.
        #[arg(long, value_name = "ID")]
        id: String,
        /// Who attempted it.
        #[arg(long, value_name = "NAME")]
        subject: String,
        /// The version of the subject.
        #[arg(long, value_name = "VERSION")]
        subject_version: Option<String>,
        /// What the subject is.
        #[arg(long, value_enum)]
        kind: AttemptKind,
    },
    /// Scores the attempts in the lake, level by level and subject by subject.
    Score,
}

/// What the subject of an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttemptKind {
    /// A program that decides by itself.
    Agent,
    /// Somebody.
    Human,
    /// The platform alone, which heals what it can.
    Platform,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LeaderboardCommand {
    /// Builds the site of a board.
    Build {
        /// The folder of the board: `board.toml`, `claims/CLAIM.toml`, `entries/CLAIM/NAME.toml`.
        #[arg(required_unless_present = "example")]
        board: Option<PathBuf>,
        /// A board that comes with the program, instead.
        #[arg(long, value_enum, conflicts_with = "board")]
        example: Option<ExampleBoard>,
        /// The folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The address at which it will stand, for the feed.
        #[arg(long, value_name = "URL")]
        address: Option<String>,
        /// The key under which the board takes fingerprints of evidence: a file of any bytes, which its keeper keeps.
        #[arg(long, value_name = "FILE")]
        board_key: Option<PathBuf>,
    },
    /// Writes the files of a board that comes with the program, to look at or to begin with.
    Example {
        /// Which.
        #[arg(value_enum)]
        example: ExampleBoard,
        /// The folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Boards that come with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExampleBoard {
    /// What published studies say of AI assistance.
    Published,
    /// Simulated organisations, some of which lie.
    Simulated,
}

/// Two arms of a table that somebody brings.
#[derive(Args, Clone, Debug)]
pub(crate) struct TableArguments {
    /// A table with one observation a row: CSV with a header, or Parquet.
    #[arg(long, value_name = "FILE", requires_all = ["outcome", "arm", "control", "treatment", "better"])]
    pub(crate) data: Option<PathBuf>,
    /// The column of the outcome.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(crate) outcome: Option<String>,
    /// The column that tells the arm of a row.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(crate) arm: Option<String>,
    /// The arm that is compared with, as the column spells it.
    #[arg(long, value_name = "VALUE", requires = "data")]
    pub(crate) control: Option<String>,
    /// The arm that is looked at, as the column spells it.
    #[arg(long, value_name = "VALUE", requires = "data")]
    pub(crate) treatment: Option<String>,
    /// Whether a higher or a lower outcome is better.
    #[arg(long, value_enum, requires = "data")]
    pub(crate) better: Option<Better>,
    /// The column of the unit whose rows may depend on one another, such as a developer or a service; without it every row
    /// stands for itself.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(crate) unit: Option<String>,
    /// A column that enters the regression as a number; may be given again.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(crate) covariate: Vec<String>,
    /// A column of positive numbers that enters as logarithms; may be given again.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(crate) log_covariate: Vec<String>,
    /// A column each of whose values gets a level of its own, such as a period or a site; may be given again.
    #[arg(long, visible_alias = "time", value_name = "COLUMN", requires = "data")]
    pub(crate) factor: Vec<String>,
    /// What outcomes are compared as. Default: ratio.
    #[arg(long, value_enum, requires = "data")]
    pub(crate) scale: Option<CompareScale>,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ConsensusArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ConsensusCommand>,
    /// A CSV table of effects: `metric`, `organisation`, `estimate`, `scale` (`log_ratio`, `ratio`, `percent`, `difference`),
    /// `std_error` or `ci_low` and `ci_high`, `better` (`higher`, `lower`); `effect` and `overlaps` where rows share data,
    /// and `moderator_NAME` for what else differs between organisations.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) effects: Option<PathBuf>,
    /// A claim that was written down before, as a TOML file: `schema = 1`, `id`, `claim`, `protocol`, `organisations`,
    /// `enrolment`, and any of `setting` (`live`, `benchmark`), `metrics`, `margin_ratio`, `margin_difference`, `alpha`,
    /// `faults`, `looks` (each with `count` and `alpha`) and `moderators`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["enrolled", "faults", "alpha"])]
    pub(crate) claim: Option<PathBuf>,
    /// The organisation that found it first: every other one is held against it.
    #[arg(long, value_name = "ORGANISATION")]
    pub(crate) original: Option<String>,
    /// A finding of one's own, as `doracle compare --out` writes it (`finding.json`): it is shown beside the others, and never
    /// put together with them.
    #[arg(long, value_name = "FILE")]
    pub(crate) internal: Option<PathBuf>,
    /// How many organisations are enrolled, silent ones included; without it those of the table.
    #[arg(long, value_name = "N")]
    pub(crate) enrolled: Option<usize>,
    /// How many of them may lie; without it a third, as far as agreement allows.
    #[arg(long, value_name = "F")]
    pub(crate) faults: Option<usize>,
    /// Intervals are meant at one less this. Default: 0.05.
    #[arg(long, value_name = "SHARE")]
    pub(crate) alpha: Option<f64>,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct MetricsArguments {
    /// Show one metric whole.
    pub(crate) metric: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<MetricsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Shows the same numbers by the rules of other tools, and which rule makes which difference.
    CompareDefinitions {
        #[command(flatten)]
        place: PlaceArguments,
    },
    /// Shows published clusters of delivery performance by year: descriptions of survey answers, no thresholds.
    Benchmarks {
        /// One year; all if not given.
        #[arg(long, value_name = "YEAR", value_parser = benchmark_year)]
        year: Option<u16>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// A metric, such as `change_fail_rate`, or an error code, such as `lake::newer`; all codes if nothing is given.
    #[arg(value_name = "METRIC|CODE")]
    pub(crate) what: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// One statistic of the metric, such as `p90`.
    #[arg(long, value_name = "NAME")]
    pub(crate) statistic: Option<String>,
    /// List at most so many rows, and say how many more there are; 20 in tables, all in other formats if not given.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Whose numbers, and over which stretch of time.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PlaceArguments {
    /// One service; all of them together if neither a service nor a group is given.
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    pub(crate) service: Option<String>,
    /// A group of services.
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Environment; may be left out where there is only one of the production tier.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// `2026-W07`, `2026-02`, `2026-Q1`, `2026`, a day, or `START..END`; the whole period if not given.
    #[arg(long, value_name = "WINDOW", value_parser = crate::windows::window)]
    pub(crate) window: Option<crate::windows::Asked>,
    /// Read the lake as of this version or time.
    #[arg(long, value_name = "VERSION|TIME", value_parser = as_of)]
    pub(crate) as_of: Option<lake::AsOf>,
    /// IANA zone whose days and weeks windows follow.
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Lists the lake versions.
    Versions,
    /// Moves batches that are damaged out of the way of writers, unchanged; the others are left alone.
    SetAside,
    /// Folds small files together; with a retention, removes what no kept version reads.
    Maintain {
        /// Keep every version written within this many days, and the newest; without it nothing is removed.
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
        /// Versions to keep whatever their age.
        #[arg(long, value_name = "VERSION")]
        pin: Vec<u64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints the configuration in force.
    Show {
        /// Say of every value where it comes from.
        #[arg(long)]
        origin: bool,
    },
    /// Prints the JSON Schema of the configuration.
    Schema,
}

impl Command {
    /// Whether it ends by itself when it is interrupted, and finishes what it holds first.
    pub(crate) fn ends_itself(&self) -> bool {
        matches!(self, Self::Receive(_))
    }
}

/// More threads than any machine that this runs on has.
const MOST_THREADS: usize = 1024;

/// A number of threads.
fn threads(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_THREADS).contains(number));
    number.ok_or_else(|| format!("1 to {MOST_THREADS} threads are expected"))
}

fn instant(text: &str) -> Result<Instant, String> {
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc().into());
    }
    Instant::parse(text).map_err(|error| format!("{error}, nor a day such as `2026-01-05`"))
}

fn benchmark_year(text: &str) -> Result<u16, String> {
    let years = reports::benchmarks::published().years.iter().map(|year| year.year);
    match text.parse() {
        Ok(year) if reports::benchmarks::year(year).is_some() => Ok(year),
        _ => Err(format!(
            "no such year is kept; there are: {}",
            years.map(|year| year.to_string()).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn as_of(text: &str) -> Result<lake::AsOf, String> {
    match text.parse::<u64>() {
        Ok(version) => Ok(lake::AsOf::Version(version)),
        Err(_) => instant(text).map(lake::AsOf::Time).map_err(|error| format!("{error}, nor a lake version")),
    }
}
