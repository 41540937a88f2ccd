//! Policies in the grammar of IAM, as far as this API has use for it: `Effect`, `Action` or `NotAction`, `Resource` or
//! `NotResource`, `Principal` (cluster policies), `Condition` with string operators. What is not understood is refused when
//! a policy is stored: a condition that is ignored would let people in.
//!
//! Source: "Grammar of the IAM JSON policy language" in the IAM user guide.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern::{matches, matches_ignoring_case};

/// Longest text of a policy, characters; Amazon MSK takes 20,480 for a cluster's.
const TEXT_CHARS_MAX: usize = 20_480;

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    /// A principal's: says what it may, names resources.
    Identity,
    /// A cluster's: says who may, names principals.
    Resource,
}

/// A policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub(crate) struct Access<'a> {
    /// Such as `kafka:DescribeCluster`.
    pub(crate) action: &'a str,
    /// ARN, or `*` where there is none yet.
    pub(crate) resource: &'a str,
    /// ARN of the principal.
    pub(crate) principal: &'a str,
    /// Its account.
    pub(crate) account: &'a str,
    /// Values of condition keys, by their names in lower case.
    pub(crate) context: &'a BTreeMap<String, Vec<String>>,
}

/// What policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Some statement denies it.
    Denied,
    /// Some statement allows it, none denies it.
    Allowed,
    /// Nothing is said of it.
    Silent,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    allow: bool,
    actions: Names,
    resources: Option<Names>,
    principals: Option<Names>,
    conditions: Vec<Condition>,
}

/// Patterns, or everything but them.
#[derive(Clone, Debug, PartialEq)]
struct Names {
    patterns: Vec<String>,
    negated: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    comparison: Comparison,
    negated: bool,
    quantifier: Option<Quantifier>,
    if_exists: bool,
    /// In lower case.
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoringCase,
    Like,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

impl Policy {
    /// Reads a policy; the error says what is wrong with it.
    pub(crate) fn parse(text: &str, kind: PolicyKind) -> Result<Self, String> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(format!("a policy has at most {TEXT_CHARS_MAX} characters"));
        }
        let document: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        match document.get("Version").and_then(Value::as_str) {
            Some("2012-10-17" | "2008-10-17") => (),
            _ => return Err("Version must be 2012-10-17".to_owned()),
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err("Statement is missing".to_owned()),
        };
        let statements = statements.iter().enumerate().map(|(index, statement)| {
            parse_statement(statement, kind).map_err(|problem| format!("statement {}: {problem}", index + 1))
        });
        Ok(Self {
            statements: statements.collect::<Result<_, _>>()?,
        })
    }

    /// What it says of an access: an explicit denial counts before everything else.
    pub(crate) fn verdict(&self, access: &Access<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in self.statements.iter().filter(|statement| statement.applies(access)) {
            if !statement.allow {
                return Verdict::Denied;
            }
            verdict = Verdict::Allowed;
        }
        verdict
    }

    /// Whether some statement denies the action to the principal, with whatever resource and on whatever condition.
    pub(crate) fn may_deny(&self, access: &Access<'_>) -> bool {
        let mut denials = self.statements.iter().filter(|statement| !statement.allow);
        denials.any(|statement| statement.names(access))
    }
}

impl Statement {
    /// It is about this action of this principal.
    fn names(&self, access: &Access<'_>) -> bool {
        self.actions
            .hold(|pattern| matches_ignoring_case(pattern, access.action))
            && self
                .principals
                .as_ref()
                .is_none_or(|names| names.hold(|pattern| is_principal(pattern, access)))
    }

    fn applies(&self, access: &Access<'_>) -> bool {
        self.names(access)
            && self
                .resources
                .as_ref()
                .is_none_or(|names| names.hold(|pattern| matches(pattern, access.resource)))
            && self.conditions.iter().all(|condition| condition.holds(access))
    }
}

/// `*`, an account, its root, or one principal.
fn is_principal(pattern: &str, access: &Access<'_>) -> bool {
    pattern == "*"
        || pattern == access.account
        || pattern == access.principal
        || pattern == format!("arn:aws:iam::{}:root", access.account)
}

impl Names {
    fn hold(&self, matched: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| matched(pattern)) != self.negated
    }
}

impl Condition {
    fn holds(&self, access: &Access<'_>) -> bool {
        let found = access.context.get(&self.key).map(Vec::as_slice).unwrap_or_default();
        if self.comparison == Comparison::Null {
            let absent = self.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
            return found.is_empty() == absent;
        }
        if found.is_empty() {
            // A comparison with nothing holds only where the policy says so.
            return self.if_exists || self.negated || self.quantifier == Some(Quantifier::ForAllValues);
        }
        let one = |value: &String| self.values.iter().any(|wanted| self.compares(wanted, value)) != self.negated;
        match self.quantifier {
            Some(Quantifier::ForAllValues) => found.iter().all(one),
            Some(Quantifier::ForAnyValue) | None => found.iter().any(one),
        }
    }

    fn compares(&self, wanted: &str, value: &str) -> bool {
        match self.comparison {
            Comparison::Equals | Comparison::Null => wanted == value,
            Comparison::EqualsIgnoringCase => wanted.eq_ignore_ascii_case(value),
            Comparison::Like => matches(wanted, value),
        }
    }
}

fn parse_statement(statement: &Value, kind: PolicyKind) -> Result<Statement, String> {
    const KNOWN: [&str; 8] = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "Condition",
    ];
    let members = statement.as_object().ok_or("it is no object")?;
    if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("{unknown} is not supported: use {}", KNOWN.join(", ")));
    }
    let allow = match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("Effect must be Allow or Deny".to_owned()),
    };
    let names = |positive: &str, negative: &str| match (members.get(positive), members.get(negative)) {
        (Some(_), Some(_)) => Err(format!("{positive} and {negative} exclude each other")),
        (Some(value), None) => Ok(Some(Names {
            patterns: texts(value, positive)?,
            negated: false,
        })),
        (None, Some(value)) => Ok(Some(Names {
            patterns: texts(value, negative)?,
            negated: true,
        })),
        (None, None) => Ok(None),
    };
    let resources = names("Resource", "NotResource")?;
    let principals = members.get("Principal").map(parse_principals).transpose()?;
    match kind {
        PolicyKind::Identity if principals.is_some() => return Err("Principal belongs to cluster policies".to_owned()),
        PolicyKind::Identity if resources.is_none() => return Err("Resource is missing".to_owned()),
        PolicyKind::Resource if principals.is_none() => return Err("Principal is missing".to_owned()),
        _ => (),
    }
    Ok(Statement {
        allow,
        actions: names("Action", "NotAction")?.ok_or("Action is missing")?,
        resources,
        principals,
        conditions: members
            .get("Condition")
            .map(parse_conditions)
            .transpose()?
            .unwrap_or_default(),
    })
}

fn parse_principals(value: &Value) -> Result<Names, String> {
    let patterns = match value {
        Value::String(text) if text == "*" => vec![text.clone()],
        Value::Object(members) => {
            let mut patterns = Vec::new();
            for (kind, value) in members {
                match kind.as_str() {
                    "AWS" => patterns.extend(texts(value, "Principal")?),
                    // Services of AWS never call here; naming one allows nobody.
                    "Service" => drop(texts(value, "Principal")?),
                    other => return Err(format!("Principal {other} is not supported: use AWS")),
                }
            }
            patterns
        }
        _ => return Err("Principal must be \"*\" or {\"AWS\": …}".to_owned()),
    };
    Ok(Names {
        patterns,
        negated: false,
    })
}

/// A text, or a list of texts.
fn texts(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{name} must be a text or a list of texts");
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) if !items.is_empty() => {
            let items = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong));
            items.collect()
        }
        _ => Err(wrong()),
    }
}

fn parse_conditions(value: &Value) -> Result<Vec<Condition>, String> {
    let operators = value.as_object().ok_or("Condition must be an object")?;
    let mut conditions = Vec::new();
    for (operator, tests) in operators {
        let tests = tests
            .as_object()
            .ok_or_else(|| format!("{operator} must be an object"))?;
        for (key, wanted) in tests {
            let wanted = match wanted {
                Value::Bool(wanted) => vec![wanted.to_string()],
                wanted => texts(wanted, key)?,
            };
            conditions.push(parse_condition(operator, key, wanted)?);
        }
    }
    Ok(conditions)
}

fn parse_condition(operator: &str, key: &str, values: Vec<String>) -> Result<Condition, String> {
    let (quantifier, name) = match operator.split_once(':') {
        Some(("ForAllValues", name)) => (Some(Quantifier::ForAllValues), name),
        Some(("ForAnyValue", name)) => (Some(Quantifier::ForAnyValue), name),
        _ => (None, operator),
    };
    let (name, if_exists) = match name.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (comparison, negated) = match name {
        "StringEquals" => (Comparison::Equals, false),
        "StringNotEquals" => (Comparison::Equals, true),
        "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoringCase, false),
        "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoringCase, true),
        "StringLike" | "ArnLike" | "ArnEquals" => (Comparison::Like, false),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Comparison::Like, true),
        "Null" => (Comparison::Null, false),
        other => {
            return Err(format!(
                "the condition operator {other} is not supported: use StringEquals, StringLike or Null"
            ));
        }
    };
    let key = key.to_ascii_lowercase();
    let known = [
        "aws:principalarn",
        "aws:principalaccount",
        "aws:requestedregion",
        "aws:sourceip",
        "aws:tagkeys",
    ];
    let tag = ["aws:resourcetag/", "aws:requesttag/"]
        .iter()
        .any(|prefix| key.starts_with(prefix));
    if !tag && !known.contains(&key.as_str()) {
        return Err(format!("the condition key {key} is not supported"));
    }
    Ok(Condition {
        comparison,
        negated,
        quantifier,
        if_exists,
        key,
        values,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLUSTER: &str = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/1";

    fn policy(statements: Value) -> Result<Policy, String> {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Policy::parse(&text, PolicyKind::Identity)
    }

    fn verdict(policy: &Policy, action: &str, context: &[(&str, &str)]) -> Verdict {
        let context = context
            .iter()
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]))
            .collect();
        policy.verdict(&Access {
            action,
            resource: CLUSTER,
            principal: "arn:aws:iam::000000000000:user/ci",
            account: "000000000000",
            context: &context,
        })
    }

    #[test]
    fn a_denial_counts_before_everything_else() {
        let policy = policy(json!([
            {"Effect": "Allow", "Action": "kafka:*", "Resource": "arn:aws:kafka:*:*:cluster/orders/*"},
            {"Effect": "Deny", "Action": ["kafka:Delete*"], "Resource": "*"},
        ]))
        .unwrap();
        assert_eq!(verdict(&policy, "kafka:DescribeCluster", &[]), Verdict::Allowed);
        assert_eq!(verdict(&policy, "kafka:DeleteCluster", &[]), Verdict::Denied);
        assert_eq!(verdict(&policy, "secretsmanager:GetSecretValue", &[]), Verdict::Silent);
    }

    #[test]
    fn what_is_not_named_is_meant_by_not_action_and_not_resource() {
        let policy = policy(json!(
            {"Effect": "Allow", "NotAction": "kafka:Delete*", "NotResource": "arn:aws:kafka:*:*:cluster/other/*"}
        ))
        .unwrap();
        assert_eq!(verdict(&policy, "kafka:DescribeCluster", &[]), Verdict::Allowed);
        assert_eq!(verdict(&policy, "kafka:DeleteCluster", &[]), Verdict::Silent);
    }

    #[test]
    fn conditions_look_at_tags() {
        let conditional = |condition: Value| {
            policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition})).unwrap()
        };
        let equals = conditional(json!({"StringEquals": {"aws:ResourceTag/Team": ["blue", "green"]}}));
        assert_eq!(
            verdict(&equals, "kafka:A", &[("aws:resourcetag/team", "green")]),
            Verdict::Allowed
        );
        assert_eq!(
            verdict(&equals, "kafka:A", &[("aws:resourcetag/team", "red")]),
            Verdict::Silent
        );
        assert_eq!(verdict(&equals, "kafka:A", &[]), Verdict::Silent);
        let absent = conditional(json!({"Null": {"aws:RequestTag/Team": "true"}}));
        assert_eq!(verdict(&absent, "kafka:A", &[]), Verdict::Allowed);
        assert_eq!(
            verdict(&absent, "kafka:A", &[("aws:requesttag/team", "x")]),
            Verdict::Silent
        );
        let keys = conditional(json!({"ForAllValues:StringLike": {"aws:TagKeys": "team*"}}));
        assert_eq!(verdict(&keys, "kafka:A", &[("aws:tagkeys", "cost")]), Verdict::Silent);
        let perhaps = conditional(json!({"StringEqualsIfExists": {"aws:ResourceTag/Team": "blue"}}));
        assert_eq!(verdict(&perhaps, "kafka:A", &[]), Verdict::Allowed);
        let not = conditional(json!({"StringNotEquals": {"aws:ResourceTag/Team": "blue"}}));
        assert_eq!(
            verdict(&not, "kafka:A", &[("aws:resourcetag/team", "blue")]),
            Verdict::Silent
        );
    }

    #[test]
    fn cluster_policies_name_principals() {
        let text = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "kafka:Describe*", "Resource": CLUSTER},
        ]})
        .to_string();
        let policy = Policy::parse(&text, PolicyKind::Resource).unwrap();
        assert_eq!(verdict(&policy, "kafka:DescribeCluster", &[]), Verdict::Allowed);
        assert!(
            Policy::parse(&text, PolicyKind::Identity)
                .unwrap_err()
                .contains("Principal")
        );
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let good = || json!({"Effect": "Allow", "Action": "kafka:*", "Resource": "*"});
        let with = |name: &str, value: Value| {
            let mut statement = good();
            statement[name] = value;
            policy(statement).unwrap_err()
        };
        assert!(policy(good()).is_ok());
        assert!(with("Efect", json!("Deny")).contains("Efect"));
        assert!(with("Effect", json!("allow")).contains("Effect"));
        assert!(with("Condition", json!({"DateLessThan": {"aws:CurrentTime": "x"}})).contains("DateLessThan"));
        assert!(with("Condition", json!({"StringEquals": {"aws:SourceVpc": "x"}})).contains("aws:sourcevpc"));
        assert!(with("Action", json!(1)).contains("Action"));
        assert!(Policy::parse("{", PolicyKind::Identity).unwrap_err().contains("JSON"));
        assert!(
            Policy::parse("{}", PolicyKind::Identity)
                .unwrap_err()
                .contains("Version")
        );
    }
}
