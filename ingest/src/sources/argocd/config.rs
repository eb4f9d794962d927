//! The settings of the `argocd` source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SecretFrom, http};

/// Reads the applications of one Argo CD instance: what was synced where and when, and how it went.
///
/// Several instances are several sources, told apart by `name`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the instance, part of every id. No default.
    #[schemars(example = &"main")]
    pub name: String,
    /// Address of the API server, with the prefix of `--rootpath` where there is one. No default.
    #[schemars(example = &"https://argocd.example.com", example = &"https://tools.example.com/argo-cd")]
    pub url: String,
    /// Token of a local account with `apiKey`, or of a project role; it needs `applications, get`. Default: none, which
    /// only an instance with anonymous access accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = SecretFrom::Env("ARGOCD_TOKEN".into()))]
    pub token: Option<SecretFrom>,
    /// Only applications of these projects. Default: all that the token may see.
    #[serde(default)]
    #[schemars(example = ["payments"])]
    pub projects: Vec<String>,
    /// Only applications with these labels, in the words of a Kubernetes label selector. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"team=payments")]
    pub selector: Option<String>,
    /// Only applications that live in this namespace. Default: all that the token may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"argocd")]
    pub app_namespace: Option<String>,
    /// Which service, environment and target an application is; see [`Rule`]. Default: the service is the name of the
    /// application, and its environment is not known.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Environment of applications for which no rule gives one. Default: none, and then their syncs are in no metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"production")]
    pub environment: Option<String>,
    /// Names of clusters by the address or name under which applications know them. Use the words that stand in paths
    /// and values, so that the same values in two clusters are seen to be the same. Default: the name of the
    /// destination, else its host; `in-cluster` for the cluster of Argo CD itself.
    #[serde(default)]
    #[schemars(example = BTreeMap::from([("https://10.0.0.1:6443", "eu")]))]
    pub targets: BTreeMap<String, String>,
    /// What the repositories of the sources hold; see [`Repository`]. Default: configuration.
    #[serde(default)]
    pub repositories: Vec<Repository>,
    /// How deployed images lead to source commits.
    #[serde(default)]
    pub images: Images,
    /// Names of Helm parameters that are no part of what was asked for, such as those that differ by cluster: regular
    /// expressions searched for in the name. Default: none.
    #[serde(default)]
    #[schemars(example = ["^(region|ingress\\.host)$"])]
    pub ignored_parameters: Vec<String>,
    /// Whether to ask for the references of each synced configuration commit (Argo CD 3.1 and later: the trailers
    /// `Argocd-reference-commit-…`). One slow request per sync, answered by the repo server. Default: `false`.
    #[serde(default)]
    #[schemars(example = true)]
    pub revision_references: bool,
    /// For which applications to look whether Argo Rollouts gave a sync up. Default: `listed`.
    #[serde(default)]
    #[schemars(example = Rollouts::Off)]
    pub rollouts: Rollouts,
    /// How long each reading goes on to follow changes after it has read the list, in seconds; with `--until` in the
    /// future, until then. Between readings Argo CD keeps the last failed sync only. Default: 0.
    #[serde(default)]
    #[schemars(example = 240, range(min = 0, max = 86400))]
    pub follow_seconds: u64,
    /// Takes what Argo CD notifications push. Default: nothing is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive: Option<Receive>,
    /// How the server is spoken to. The list of applications is one answer: raise `answer_limit_mebibytes` for some
    /// thousands of applications.
    #[serde(default)]
    pub http: http::Settings,
}

/// Says what an application is. All patterns that are given have to be found; they are regular expressions. A field is
/// decided by the first rule that fits and gives it, in its own words or by a group of that name in a pattern.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Searched for in the application's name.
    #[schemars(example = &"^(?P<service>.+)-(?P<target>eu|us)$")]
    pub name: Option<String>,
    /// Searched for in the namespace the application lives in.
    pub namespace: Option<String>,
    /// Searched for in its project.
    pub project: Option<String>,
    /// Searched for in the target, as `targets` names it.
    pub cluster: Option<String>,
    /// Searched for in the namespace it deploys to.
    pub destination_namespace: Option<String>,
    /// Searched for in the name of the `ApplicationSet` that made it.
    #[schemars(example = &"^(?P<service>.+)$")]
    pub application_set: Option<String>,
    /// Searched for in the name of the application that deploys it, as in "app of apps".
    #[schemars(example = &"^(?P<environment>.+)-root$")]
    pub parent: Option<String>,
    /// Searched for in its labels, by key.
    #[schemars(example = BTreeMap::from([("env", "^(?P<environment>.+)$")]))]
    pub labels: BTreeMap<String, String>,
    /// Searched for in its annotations, by key.
    pub annotations: BTreeMap<String, String>,
    /// The service it is.
    #[schemars(example = &"checkout")]
    pub service: Option<String>,
    /// The environment it runs in.
    #[schemars(example = &"production")]
    pub environment: Option<String>,
    /// The target it is deployed to.
    #[schemars(example = &"eu")]
    pub target: Option<String>,
    /// Whether its syncs are no deployments of a service. Default: only where it deploys nothing but applications.
    pub ignore: Option<bool>,
}

/// What a repository of application sources holds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// A regular expression, searched for in the repository's address. The first that is found decides. No default.
    #[schemars(example = &"github\\.com/acme/shop(\\.git)?$")]
    pub url: String,
    /// Whether its commits are the source of the services themselves. Commits of other repositories are configuration
    /// and never stand in for source commits. Default: `false`.
    #[serde(default)]
    pub is_source: bool,
    /// The name other sources know it by. Default: the path of its address, such as `acme/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"shop")]
    pub name: Option<String>,
}

/// How deployed images lead to source commits. The surest way that gives an answer is taken.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// Which images are built from source of your own: regular expressions searched for in the name without tag and
    /// digest. For others no source commit is missed. Default: all.
    #[schemars(example = ["^registry\\.example\\.com/acme/"])]
    pub own: Vec<String>,
    /// How tags name the commit.
    pub tags: Vec<TagRule>,
    /// A CSV file with the columns `image`, `repository` and `commit`, such as a build may append to: the image as
    /// `name:tag` or `name@digest`. Default: none.
    #[schemars(example = &"/srv/builds/images.csv")]
    pub file: Option<PathBuf>,
    /// Annotation or label of the application that holds the source commit. Default:
    /// `org.opencontainers.image.revision`.
    pub commit_key: String,
    /// Annotation or label of the application that holds the source repository. Default:
    /// `org.opencontainers.image.source`.
    pub repository_key: String,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            tags: Vec::new(),
            file: None,
            commit_key: "org.opencontainers.image.revision".to_owned(),
            repository_key: "org.opencontainers.image.source".to_owned(),
        }
    }
}

/// How tags of some images name the source commit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TagRule {
    /// Searched for in the image's name without tag and digest. Its groups can be named in `repository`. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"^registry\\.example\\.com/acme/(?P<app>[a-z-]+)$")]
    pub image: Option<String>,
    /// A regular expression for the tag; its group `sha` is the commit, in full or its first seven digits or more. No
    /// default.
    #[schemars(example = &"^main-(?P<sha>[0-9a-f]{7,40})$")]
    pub tag: String,
    /// Repository of the commit, in which `{group}` is a group of `image`. No default.
    #[schemars(example = &"acme/{app}")]
    pub repository: String,
}

/// For which applications to look at their Argo Rollouts.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollouts {
    /// Those that list a `Rollout` among what they deploy.
    #[default]
    Listed,
    /// All: one more request for each application, for rollouts that something else makes.
    All,
    /// None.
    Off,
}

/// How deliveries of Argo CD notifications are taken.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The secret that each delivery has to carry in `header`. No default.
    #[schemars(example = SecretFrom::Env("ARGOCD_WEBHOOK_SECRET".into()))]
    pub secret: SecretFrom,
    /// The header that carries it. Default: `x-doracle-secret`.
    #[serde(default = "secret_header")]
    #[schemars(example = &"x-doracle-secret")]
    pub header: String,
}

fn secret_header() -> String {
    "x-doracle-secret".to_owned()
}
