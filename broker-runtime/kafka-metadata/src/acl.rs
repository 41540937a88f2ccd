//! Access control lists, as Kafka has them (KIP-11, KIP-290): who may do what with which resource, filters that find them, and
//! the answer to "may they". What is granted to nobody in particular is up to `allow.everyone.if.no.acl.found`.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

/// The only resource of the type [`AclResourceType::Cluster`].
pub const CLUSTER_NAME: &str = "kafka-cluster";
/// Every resource of a type, every principal's name, every host.
pub const WILDCARD: &str = "*";
/// Every principal.
const EVERYBODY: &str = "User:*";

/// An enumeration with Kafka's codes and names.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $code:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Kafka's code for it.
            pub fn code(self) -> i8 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The one with this code.
            pub fn from_code(code: i8) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.code() == code)
            }

            /// Kafka's name for it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The one with this name, in capitals or not.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

codes! {
    /// What a resource is.
    AclResourceType {
        /// A topic.
        Topic = 2 "TOPIC",
        /// A group of consumers.
        Group = 3 "GROUP",
        /// The cluster.
        Cluster = 4 "CLUSTER",
        /// A transactional id.
        TransactionalId = 5 "TRANSACTIONAL_ID",
        /// A delegation token.
        DelegationToken = 6 "DELEGATION_TOKEN",
        /// A user.
        User = 7 "USER",
    }
}

codes! {
    /// How the name of a resource is meant.
    AclPatternType {
        /// The resource of this name; `*` is every one.
        Literal = 3 "LITERAL",
        /// Every resource whose name begins so.
        Prefixed = 4 "PREFIXED",
    }
}

codes! {
    /// What is done.
    AclOperation {
        /// Everything.
        All = 2 "ALL",
        /// Reading records; joining a group.
        Read = 3 "READ",
        /// Writing records.
        Write = 4 "WRITE",
        /// Creating it.
        Create = 5 "CREATE",
        /// Deleting it, or records.
        Delete = 6 "DELETE",
        /// Changing it.
        Alter = 7 "ALTER",
        /// Seeing it.
        Describe = 8 "DESCRIBE",
        /// What brokers ask each other.
        ClusterAction = 9 "CLUSTER_ACTION",
        /// Seeing its configuration.
        DescribeConfigs = 10 "DESCRIBE_CONFIGS",
        /// Changing its configuration.
        AlterConfigs = 11 "ALTER_CONFIGS",
        /// Getting the id of an idempotent producer.
        IdempotentWrite = 12 "IDEMPOTENT_WRITE",
        /// Creating delegation tokens.
        CreateTokens = 13 "CREATE_TOKENS",
        /// Seeing delegation tokens.
        DescribeTokens = 14 "DESCRIBE_TOKENS",
        /// Taking part in two-phase commits.
        TwoPhaseCommit = 15 "TWO_PHASE_COMMIT",
    }
}

codes! {
    /// Whether it may be done.
    AclPermission {
        /// No, whatever else says yes.
        Deny = 2 "DENY",
        /// Yes.
        Allow = 3 "ALLOW",
    }
}

impl AclOperation {
    /// Who may do this may do `other` as well.
    fn implies(self, other: Self) -> bool {
        match other {
            Self::Describe => matches!(self, Self::Read | Self::Write | Self::Delete | Self::Alter),
            Self::DescribeConfigs => self == Self::AlterConfigs,
            _ => false,
        }
    }
}

/// One access control list: a resource pattern with one entry, as Kafka's API takes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AclBinding {
    /// Type of the resource.
    pub resource_type: AclResourceType,
    /// Name of the resource, or how it begins.
    pub resource_name: String,
    /// Which of both.
    pub pattern_type: AclPatternType,
    /// `User:NAME`, or `User:*`.
    pub principal: String,
    /// Address, or `*`.
    pub host: String,
    /// What is done.
    pub operation: AclOperation,
    /// Whether it may be.
    pub permission: AclPermission,
}

impl AclBinding {
    /// In Kafka's words, in the order of the fields.
    pub fn words(&self) -> [&str; 7] {
        [
            self.resource_type.name(),
            &self.resource_name,
            self.pattern_type.name(),
            &self.principal,
            &self.host,
            self.operation.name(),
            self.permission.name(),
        ]
    }

    /// What these words say.
    ///
    /// # Errors
    ///
    /// The word that means nothing, in a sentence.
    pub fn from_words(words: [&str; 7]) -> Result<Self, String> {
        fn meaning<T>(word: &str, from_name: impl Fn(&str) -> Option<T>, what: &str) -> Result<T, String> {
            from_name(word).ok_or_else(|| format!("{word:?} is no {what} of access control lists"))
        }
        let [
            resource_type,
            resource_name,
            pattern_type,
            principal,
            host,
            operation,
            permission,
        ] = words;
        Ok(Self {
            resource_type: meaning(resource_type, AclResourceType::from_name, "type of a resource")?,
            resource_name: resource_name.to_owned(),
            pattern_type: meaning(pattern_type, AclPatternType::from_name, "type of a pattern")?,
            principal: principal.to_owned(),
            host: host.to_owned(),
            operation: meaning(operation, AclOperation::from_name, "operation")?,
            permission: meaning(permission, AclPermission::from_name, "permission")?,
        })
    }
}

/// How a filter means the name of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PatternFilter {
    /// Patterns of either type with exactly this name.
    Any,
    /// Patterns that a resource of this name falls under.
    Match,
    /// Patterns of this type with exactly this name.
    Exactly(AclPatternType),
}

/// Finds access control lists. What is `None` is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclFilter {
    /// Type of the resource.
    pub resource_type: Option<AclResourceType>,
    /// Name of the resource.
    pub resource_name: Option<String>,
    /// How it is meant.
    pub pattern_type: PatternFilter,
    /// Principal, letter by letter.
    pub principal: Option<String>,
    /// Host, letter by letter.
    pub host: Option<String>,
    /// What is done.
    pub operation: Option<AclOperation>,
    /// Whether it may be.
    pub permission: Option<AclPermission>,
}

impl AclFilter {
    /// True for those it finds.
    pub fn matches(&self, acl: &AclBinding) -> bool {
        let same = |wanted: Option<&String>, is: &String| wanted.is_none_or(|wanted| wanted == is);
        self.resource_type.is_none_or(|wanted| wanted == acl.resource_type)
            && self.matches_name(acl)
            && same(self.principal.as_ref(), &acl.principal)
            && same(self.host.as_ref(), &acl.host)
            && self.operation.is_none_or(|wanted| wanted == acl.operation)
            && self.permission.is_none_or(|wanted| wanted == acl.permission)
    }

    fn matches_name(&self, acl: &AclBinding) -> bool {
        if let PatternFilter::Exactly(wanted) = self.pattern_type
            && wanted != acl.pattern_type
        {
            return false;
        }
        let Some(name) = &self.resource_name else {
            return true;
        };
        if self.pattern_type != PatternFilter::Match || *name == acl.resource_name {
            return *name == acl.resource_name;
        }
        match acl.pattern_type {
            AclPatternType::Literal => acl.resource_name == WILDCARD,
            AclPatternType::Prefixed => name.starts_with(&acl.resource_name),
        }
    }
}

/// What the lists say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclVerdict {
    /// One of them denies it, or there are some for the resource and none allows it.
    Denied,
    /// One of them allows it and none denies it.
    Allowed,
    /// There is none for the resource.
    NoAcl,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// `User:NAME`.
    pub principal: &'a str,
    /// Address.
    pub host: IpAddr,
}

impl Subject<'_> {
    fn is_meant_by(&self, acl: &AclBinding) -> bool {
        (acl.principal == self.principal || acl.principal == EVERYBODY)
            && (acl.host == WILDCARD || acl.host.parse() == Ok(self.host))
    }
}

/// Access control lists in the order in which they are looked up.
#[derive(Clone, Debug, Default)]
pub struct AclIndex {
    by_type: HashMap<AclResourceType, OfType>,
}

#[derive(Clone, Debug, Default)]
struct OfType {
    literal: HashMap<String, Vec<AclBinding>>,
    prefixed: HashMap<String, Vec<AclBinding>>,
    /// Lengths of the prefixes there are: nothing else is looked up.
    prefix_lengths: BTreeSet<usize>,
}

impl AclIndex {
    /// Of these lists.
    pub fn new<'a>(acls: impl IntoIterator<Item = &'a AclBinding>) -> Self {
        let mut index = Self::default();
        for acl in acls {
            let of_type = index.by_type.entry(acl.resource_type).or_default();
            let by_name = match acl.pattern_type {
                AclPatternType::Literal => &mut of_type.literal,
                AclPatternType::Prefixed => {
                    of_type.prefix_lengths.insert(acl.resource_name.len());
                    &mut of_type.prefixed
                }
            };
            by_name.entry(acl.resource_name.clone()).or_default().push(acl.clone());
        }
        index
    }

    /// Whether `subject` may do `operation` with the resource (`StandardAuthorizer`).
    pub fn decide(
        &self,
        subject: Subject<'_>,
        operation: AclOperation,
        resource_type: AclResourceType,
        name: &str,
    ) -> AclVerdict {
        let mut verdict = AclVerdict::NoAcl;
        let mut allowed = false;
        for acl in self.of_resource(resource_type, name) {
            verdict = AclVerdict::Denied;
            if !subject.is_meant_by(acl) {
                continue;
            }
            let same = acl.operation == operation || acl.operation == AclOperation::All;
            match acl.permission {
                AclPermission::Deny if same => return AclVerdict::Denied,
                AclPermission::Allow => allowed |= same || acl.operation.implies(operation),
                AclPermission::Deny => {}
            }
        }
        if allowed { AclVerdict::Allowed } else { verdict }
    }

    /// Whether there may be a resource of this type with which `subject` may do `operation`
    /// (`Authorizer.authorizeByResourceType`): some list allows it, and none denies all that this one allows.
    pub fn allows_some(&self, subject: Subject<'_>, operation: AclOperation, resource_type: AclResourceType) -> bool {
        let Some(of_type) = self.by_type.get(&resource_type) else {
            return false;
        };
        let relevant = |permission: AclPermission| {
            let all = of_type.literal.values().chain(of_type.prefixed.values()).flatten();
            all.filter(move |acl| acl.permission == permission)
                .filter(|acl| acl.operation == operation || acl.operation == AclOperation::All)
                .filter(|acl| subject.is_meant_by(acl))
        };
        let denied: Vec<&AclBinding> = relevant(AclPermission::Deny).collect();
        let covers = |deny: &AclBinding, allow: &AclBinding| match deny.pattern_type {
            AclPatternType::Literal => {
                deny.resource_name == WILDCARD
                    || allow.pattern_type == AclPatternType::Literal && deny.resource_name == allow.resource_name
            }
            AclPatternType::Prefixed => {
                allow.resource_name != WILDCARD && allow.resource_name.starts_with(&deny.resource_name)
            }
        };
        relevant(AclPermission::Allow).any(|allow| !denied.iter().any(|deny| covers(deny, allow)))
    }

    fn of_resource<'a>(
        &'a self,
        resource_type: AclResourceType,
        name: &'a str,
    ) -> impl Iterator<Item = &'a AclBinding> {
        let of_type = self.by_type.get(&resource_type);
        of_type.into_iter().flat_map(move |of_type| {
            let literal = [name, WILDCARD]
                .into_iter()
                .filter_map(|name| of_type.literal.get(name));
            let lengths = of_type.prefix_lengths.iter();
            let prefixes = lengths.filter_map(move |length| of_type.prefixed.get(name.get(..*length)?));
            literal.chain(prefixes).flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn acl(
        name: &str,
        pattern_type: AclPatternType,
        who: &str,
        what: AclOperation,
        permission: AclPermission,
    ) -> AclBinding {
        AclBinding {
            resource_type: AclResourceType::Topic,
            resource_name: name.to_owned(),
            pattern_type,
            principal: format!("User:{who}"),
            host: WILDCARD.to_owned(),
            operation: what,
            permission,
        }
    }

    const APP: Subject<'_> = Subject {
        principal: "User:app",
        host: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    };

    fn decide(acls: &[AclBinding], operation: AclOperation, name: &str) -> AclVerdict {
        AclIndex::new(acls).decide(APP, operation, AclResourceType::Topic, name)
    }

    #[test]
    fn codes_and_names_are_kafkas() {
        assert_eq!(AclOperation::from_code(11), Some(AclOperation::AlterConfigs));
        assert_eq!(AclOperation::from_code(1), None);
        assert_eq!(
            AclResourceType::from_name("transactional_id").map(AclResourceType::code),
            Some(5)
        );
        assert_eq!(AclPermission::Deny.code(), 2);
    }

    #[test]
    fn denial_wins_and_silence_is_told_from_refusal() {
        use AclOperation::{All, Describe, Read, Write};
        use AclPatternType::{Literal, Prefixed};
        use AclPermission::{Allow, Deny};
        assert_eq!(decide(&[], Read, "orders"), AclVerdict::NoAcl);
        let mut acls = vec![acl("orders", Literal, "app", Read, Allow)];
        assert_eq!(decide(&acls, Read, "orders"), AclVerdict::Allowed);
        assert_eq!(
            decide(&acls, Describe, "orders"),
            AclVerdict::Allowed,
            "who may read may see"
        );
        assert_eq!(decide(&acls, Write, "orders"), AclVerdict::Denied);
        assert_eq!(decide(&acls, Read, "other"), AclVerdict::NoAcl);
        acls.push(acl("ord", Prefixed, "*", All, Allow));
        assert_eq!(decide(&acls, Write, "orders"), AclVerdict::Allowed);
        acls.push(acl("*", Literal, "app", Write, Deny));
        assert_eq!(decide(&acls, Write, "orders"), AclVerdict::Denied);
        assert_eq!(
            decide(&acls, Describe, "orders"),
            AclVerdict::Allowed,
            "a denial implies nothing"
        );
        assert_eq!(
            decide(&acls, Read, "other"),
            AclVerdict::Denied,
            "there is a list for it"
        );
        let elsewhere = AclBinding {
            host: "10.0.0.2".to_owned(),
            ..acl("orders", Literal, "app", Read, Allow)
        };
        assert_eq!(decide(&[elsewhere], Read, "orders"), AclVerdict::Denied);
    }

    #[test]
    fn some_resource_is_allowed_unless_all_of_it_is_denied() {
        use AclOperation::Write;
        use AclPatternType::{Literal, Prefixed};
        use AclPermission::{Allow, Deny};
        let some = |acls: &[AclBinding]| AclIndex::new(acls).allows_some(APP, Write, AclResourceType::Topic);
        let allow = acl("orders", Prefixed, "app", Write, Allow);
        assert!(!some(&[]));
        assert!(some(std::slice::from_ref(&allow)));
        assert!(some(&[allow.clone(), acl("orders", Literal, "app", Write, Deny)]));
        assert!(!some(&[allow.clone(), acl("ord", Prefixed, "app", Write, Deny)]));
        assert!(!some(&[allow, acl("*", Literal, "*", AclOperation::All, Deny)]));
        assert!(some(&[
            acl("*", Literal, "app", Write, Allow),
            acl("ord", Prefixed, "app", Write, Deny)
        ]));
    }

    #[test]
    fn filters_find_what_kafkas_find() {
        use AclPatternType::{Literal, Prefixed};
        let all = [
            acl("orders", Literal, "app", AclOperation::Read, AclPermission::Allow),
            acl("ord", Prefixed, "app", AclOperation::Read, AclPermission::Allow),
            acl("*", Literal, "app", AclOperation::Read, AclPermission::Allow),
        ];
        let found = |pattern_type, name: Option<&str>| -> Vec<usize> {
            let filter = AclFilter {
                resource_type: None,
                resource_name: name.map(str::to_owned),
                pattern_type,
                principal: None,
                host: None,
                operation: None,
                permission: None,
            };
            (0..all.len()).filter(|index| filter.matches(&all[*index])).collect()
        };
        assert_eq!(found(PatternFilter::Any, None), [0, 1, 2]);
        assert_eq!(found(PatternFilter::Any, Some("orders")), [0]);
        assert_eq!(found(PatternFilter::Match, Some("orders")), [0, 1, 2]);
        assert_eq!(found(PatternFilter::Match, Some("other")), [2]);
        assert_eq!(found(PatternFilter::Exactly(Prefixed), Some("ord")), [1]);
        assert_eq!(found(PatternFilter::Exactly(Prefixed), None), [1]);
    }
}
