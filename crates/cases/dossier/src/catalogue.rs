//! The rules of the four texts, as `rules/*.toml` gives them: read strictly, once, at start.

use std::{collections::BTreeMap, fmt, str::FromStr};
use toml_edit::{Document, Item, Table, Value};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value, in the order in which people read them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word used in files and interfaces.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok($name::$variant),)* _ => Err(()) }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// One of the source texts.
    Text {
        /// PGSSI-S guide on web access of outsiders to a SIS.
        AccesWeb = "acces-web",
        /// PGSSI-S guide on remote work on a SIS.
        Interventions = "interventions",
        /// Security clauses of the Club RSSI Santé.
        Clausier = "clausier",
        /// Ségur du numérique, security requirements.
        Segur = "segur",
    }
}

words! {
    /// What a rule asks for.
    Kind {
        /// Something that a system does.
        Technical = "technical",
        /// Something that people do.
        Organisational = "organisational",
        /// Something that is written.
        Documentary = "documentary",
        /// Something that is agreed.
        Contractual = "contractual",
    }
}

words! {
    /// How strongly.
    Level {
        /// Always.
        Mandatory = "mandatory",
        /// As soon as one of the services is a digital health service.
        MandatoryForDigitalHealth = "mandatory_for_digital_health",
        /// Unless the contract's own terms say otherwise.
        MandatoryUnlessContractSays = "mandatory_unless_contract_says",
        /// Unless the hospital decides to tolerate less.
        MandatoryUnlessWaived = "mandatory_unless_waived",
        /// For some profiles of users.
        ByProfile = "by_profile",
        /// The first of two tiers.
        Tier1 = "tier_1",
        /// The second tier, which includes the first.
        Tier2 = "tier_2",
        /// Highly recommended.
        StronglyRecommended = "strongly_recommended",
        /// Recommended.
        Recommended = "recommended",
    }
}

words! {
    /// The kinds of remote work.
    Activity {
        /// Watching an equipment from afar.
        Monitoring = "monitoring",
        /// Maintaining it from afar.
        Maintenance = "maintenance",
        /// Helping somebody who is there.
        Assistance = "assistance",
    }
}

words! {
    /// Whose duty a rule is.
    AppliesTo {
        /// Everybody concerned.
        Everyone = "everyone",
        /// The person responsible for the SIS.
        SisOwner = "sis_owner",
        /// That person and whoever hosts or operates.
        SisOwnerAndHost = "sis_owner_and_host",
        /// Whoever designs and builds the application.
        Builder = "builder",
        /// Whoever hosts and operates it.
        Host = "host",
        /// Whoever offers a digital health service.
        ServiceProvider = "service_provider",
        /// The supplier of remote work.
        Supplier = "supplier",
        /// The supplier together with the SIS owner.
        SupplierAndSisOwner = "supplier_and_sis_owner",
        /// Whoever answers for the equipment worked on.
        Beneficiary = "beneficiary",
        /// The hospital.
        Hospital = "hospital",
        /// Any contractor.
        Contractor = "contractor",
        /// A contractor together with the hospital.
        ContractorAndHospital = "contractor_and_hospital",
        /// A contractor who processes personal data.
        ContractorPersonalData = "contractor_personal_data",
        /// A contractor whose product is a web application.
        ContractorWeb = "contractor_web",
        /// A contractor whose product is exposed on the Internet.
        ContractorExposedWeb = "contractor_exposed_web",
        /// A contractor who maintains from afar.
        ContractorRemoteMaintenance = "contractor_remote_maintenance",
        /// A contractor who brings Wi-Fi equipment.
        ContractorWifi = "contractor_wifi",
        /// A contractor who brings mobile devices.
        ContractorMobile = "contractor_mobile",
        /// A contractor who brings a connected medical device.
        ContractorMedicalDevice = "contractor_medical_device",
        /// A contractor who hosts.
        ContractorHosting = "contractor_hosting",
        /// A contractor who manages what the hospital hosts.
        ContractorManaging = "contractor_managing",
        /// A contractor who develops.
        ContractorDevelopment = "contractor_development",
        /// A contractor whose service uses AI.
        ContractorAi = "contractor_ai",
        /// A publisher of software for professionals.
        Publisher = "publisher",
        /// A publisher who hosts, wholly or in part.
        PublisherHosting = "publisher_hosting",
        /// A publisher for shared practices and community care.
        PublisherCommunityCare = "publisher_community_care",
        /// A publisher of such software or of a Pro Santé Connect proxy.
        PublisherPsc = "publisher_psc",
    }
}

/// A rule's name: its text and its identifier there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey {
    /// The text.
    pub text: Text,
    /// The identifier, as the text writes it.
    pub id: String,
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.text, self.id)
    }
}

impl FromStr for RuleKey {
    type Err = ();
    fn from_str(written: &str) -> Result<Self, ()> {
        let (text, id) = written.split_once(':').ok_or(())?;
        if id.is_empty() {
            return Err(());
        }
        Ok(Self { text: text.parse()?, id: id.to_owned() })
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub key: RuleKey,
    /// What it asks for, in French.
    pub title_fr: String,
    /// What it asks for, in English.
    pub title_en: String,
    /// What kind of thing it asks for.
    pub kind: Kind,
    /// Of whom.
    pub applies_to: AppliesTo,
    /// How strongly.
    pub level: Level,
    /// In which kinds of remote work; empty where the text makes no such difference.
    pub activities: Vec<Activity>,
    /// What whoever proves it should know.
    pub note: Option<String>,
    /// Rules that say nearly the same, which one proof may serve.
    pub near: Vec<RuleKey>,
}

impl Rule {
    /// The title in a language.
    pub fn title(&self, lang: types::Lang) -> &str {
        match lang {
            types::Lang::Fr => &self.title_fr,
            types::Lang::En => &self.title_en,
        }
    }
}

/// The catalogue does not hold together; the node must not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue of rules is not valid:\n{}", .0.join("\n"))]
pub struct BadCatalogue(pub Vec<String>);

/// Every rule, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    rules: Vec<Rule>,
    names: BTreeMap<Text, [String; 2]>,
}

/// The longest title that fits its places.
const TITLE_CHARS_MAX: usize = 120;
const FILES: [(&str, &str); 4] = [
    ("rules/acces-web.toml", include_str!("../../../../rules/acces-web.toml")),
    ("rules/interventions.toml", include_str!("../../../../rules/interventions.toml")),
    ("rules/clausier.toml", include_str!("../../../../rules/clausier.toml")),
    ("rules/segur.toml", include_str!("../../../../rules/segur.toml")),
];

impl Catalogue {
    /// The catalogue that this program carries.
    pub fn built_in() -> Result<Self, BadCatalogue> {
        Self::of(&FILES)
    }

    /// A catalogue given as (file name, text); every mistake is told at once.
    pub(crate) fn of(files: &[(&str, &str)]) -> Result<Self, BadCatalogue> {
        let mut reading = Reading::default();
        for (name, text) in files {
            reading.file(name, text);
        }
        reading.together();
        if !reading.mistakes.is_empty() {
            return Err(BadCatalogue(reading.mistakes));
        }
        Ok(Self { rules: reading.rules, names: reading.names })
    }

    /// Every rule, text by text.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// One rule.
    pub fn rule(&self, text: Text, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.key.text == text && rule.key.id == id)
    }

    /// A text's own name.
    pub fn name(&self, text: Text, lang: types::Lang) -> &str {
        let [fr, en] = match self.names.get(&text) {
            Some(names) => names,
            None => return text.as_str(),
        };
        match lang {
            types::Lang::Fr => fr,
            types::Lang::En => en,
        }
    }
}

#[derive(Default)]
struct Reading {
    rules: Vec<Rule>,
    names: BTreeMap<Text, [String; 2]>,
    mistakes: Vec<String>,
}

impl Reading {
    fn file(&mut self, name: &str, text: &str) {
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => return self.mistakes.push(format!("{name}: {}", error.message())),
        };
        let mut fields = Fields::new(name.to_owned(), document.as_table());
        let text: Option<Text> = fields.word("text");
        let names = [fields.line("name_fr"), fields.line("name_en")];
        let rules = fields.tables("rule");
        self.mistakes.extend(fields.end());
        let Some(text) = text else { return };
        if self.names.insert(text, names).is_some() {
            self.mistakes.push(format!("{name}: a second file of {text}"));
        }
        for (place, table) in rules.into_iter().enumerate() {
            self.rule(name, text, place, table);
        }
    }

    fn rule(&mut self, name: &str, text: Text, place: usize, table: &Table) {
        let id = table.get("id").and_then(Item::as_str).unwrap_or("?");
        let mut fields = Fields::new(format!("{name}, rule {} ({id})", place + 1), table);
        let id = fields.line("id");
        let (title_fr, title_en) = (fields.line("title_fr"), fields.line("title_en"));
        let (kind, applies_to, level) = (fields.word("kind"), fields.word("applies_to"), fields.word("level"));
        let activities = fields.words("activities");
        let note = fields.table.contains_key("note").then(|| fields.line("note"));
        let near = fields.words("near");
        self.mistakes.extend(fields.end());
        if let (Some(kind), Some(applies_to), Some(level)) = (kind, applies_to, level) {
            let key = RuleKey { text, id };
            self.rules.push(Rule { key, title_fr, title_en, kind, applies_to, level, activities, note, near });
        }
    }

    /// What no rule can say alone: names and titles are each rule's own, and neighbours know each other.
    fn together(&mut self) {
        let mut known: BTreeMap<&RuleKey, &Rule> = BTreeMap::new();
        let mut titles: BTreeMap<(char, String), &Rule> = BTreeMap::new();
        for rule in &self.rules {
            if known.insert(&rule.key, rule).is_some() {
                self.mistakes.push(format!("{}: named twice", rule.key));
            }
            for (lang, title) in [('f', &rule.title_fr), ('e', &rule.title_en)] {
                let other = titles.insert((lang, title.to_lowercase()), rule);
                if let Some(other) = other.filter(|other| !other.near.contains(&rule.key)) {
                    self.mistakes.push(format!("{} and {} have one title: {title}", other.key, rule.key));
                }
            }
        }
        for rule in &self.rules {
            for near in &rule.near {
                if known.get(near).is_none_or(|other| !other.near.contains(&rule.key)) {
                    self.mistakes.push(format!("{}: {near} does not say that it is near too", rule.key));
                }
            }
        }
    }
}

/// One table's keys, each to be taken; what is left at the end is a mistake.
struct Fields<'a> {
    place: String,
    table: &'a Table,
    taken: Vec<&'static str>,
    mistakes: Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(place: String, table: &'a Table) -> Self {
        Self { place, table, taken: Vec::new(), mistakes: Vec::new() }
    }

    fn wrong(&mut self, what: &str) {
        self.mistakes.push(format!("{}: {what}", self.place));
    }

    /// One line of text, neither empty nor too long.
    fn line(&mut self, key: &'static str) -> String {
        self.taken.push(key);
        let Some(text) = self.table.get(key).and_then(Item::as_str) else {
            self.wrong(&format!("{key} is missing, or is not a text"));
            return String::new();
        };
        let length = text.chars().count();
        if text.trim() != text || length == 0 || length > TITLE_CHARS_MAX || text.chars().any(char::is_control) {
            self.wrong(&format!("{key} is not one line of 1 to {TITLE_CHARS_MAX} characters"));
        }
        text.to_owned()
    }

    fn word<T: FromStr>(&mut self, key: &'static str) -> Option<T> {
        self.taken.push(key);
        let word = self.table.get(key).and_then(Item::as_str).and_then(|word| word.parse().ok());
        if word.is_none() {
            self.wrong(&format!("{key} is missing, or is none of its words"));
        }
        word
    }

    /// A list of words, each once; none at all if the key is not there.
    fn words<T: FromStr + PartialEq>(&mut self, key: &'static str) -> Vec<T> {
        self.taken.push(key);
        let Some(item) = self.table.get(key) else { return Vec::new() };
        let read = |value: &Value| value.as_str().and_then(|word| word.parse().ok());
        let words: Option<Vec<T>> = item.as_array().and_then(|array| array.iter().map(read).collect());
        let words = words.unwrap_or_default();
        let twice = words.iter().enumerate().any(|(at, word)| words.iter().skip(at + 1).any(|later| later == word));
        if words.is_empty() || twice {
            self.wrong(&format!("{key} is not a list of its words, each once"));
        }
        words
    }

    fn tables(&mut self, key: &'static str) -> Vec<&'a Table> {
        self.taken.push(key);
        let tables = self.table.get(key).and_then(Item::as_array_of_tables);
        if tables.is_none() {
            self.wrong(&format!("no [[{key}]]"));
        }
        tables.into_iter().flat_map(toml_edit::ArrayOfTables::iter).collect()
    }

    fn end(mut self) -> Vec<String> {
        let strange: Vec<String> = self
            .table
            .iter()
            .map(|(key, _)| key.to_owned())
            .filter(|key| !self.taken.contains(&key.as_str()))
            .collect();
        for key in strange {
            self.wrong(&format!("nobody knows the key {key}"));
        }
        self.mistakes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_holds_every_rule_and_no_other() {
        let catalogue = Catalogue::built_in().unwrap();
        let ours: BTreeSet<String> =
            catalogue.rules().iter().map(|rule| format!("{},{}", rule.key.text, rule.key.id)).collect();
        let ids = include_str!("../../../../rules/ids.csv");
        let theirs: BTreeSet<String> = ids.lines().skip(1).map(str::to_owned).collect();
        assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new(), "in no text");
        assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new(), "without a title");
        assert_eq!(catalogue.rules().len(), 244);
        let of = |text| catalogue.rules().iter().filter(|rule| rule.key.text == text).count();
        assert_eq!(Text::ALL.iter().map(|text| of(*text)).collect::<Vec<_>>(), [65, 38, 128, 13]);
    }

    #[test]
    fn titles_read_well() {
        for rule in Catalogue::built_in().unwrap().rules() {
            for title in [&rule.title_fr, &rule.title_en] {
                assert!(title.chars().next().is_some_and(|c| c.is_uppercase() || c == 'À'), "{}: {title}", rule.key);
                assert!(!title.ends_with('.') && !title.contains("  "), "{}: {title}", rule.key);
                assert!(!title.contains('\''), "{}: the straight apostrophe in {title}", rule.key);
            }
            assert_ne!(rule.title_fr, rule.title_en, "{}", rule.key);
            let remote = rule.key.text == Text::Interventions;
            assert_eq!(remote, !rule.activities.is_empty(), "{}", rule.key);
        }
    }

    #[test]
    fn every_text_has_its_name() {
        let catalogue = Catalogue::built_in().unwrap();
        for text in Text::ALL {
            let names = [catalogue.name(*text, types::Lang::Fr), catalogue.name(*text, types::Lang::En)];
            assert!(names[0] != names[1] && !names.contains(&text.as_str()), "{text}");
        }
    }

    const GOOD: &str = "text = \"segur\"\nname_fr = \"a\"\nname_en = \"b\"\n";

    fn one(id: &str, titles: [&str; 2], more: &str) -> String {
        format!(
            "[[rule]]\nid = \"{id}\"\ntitle_fr = \"{}\"\ntitle_en = \"{}\"\nkind = \"technical\"\n\
             applies_to = \"builder\"\nlevel = \"mandatory\"\n{more}\n",
            titles[0], titles[1]
        )
    }

    #[test]
    fn mistakes_are_told() {
        let long = "x".repeat(121);
        for (rules, what) in [
            (one("A", ["T", "U"], "nota = \"x\""), "nobody knows the key nota"),
            (one("A", ["T", ""], ""), "title_en is not one line"),
            (one("A", ["T", &long], ""), "title_en is not one line of 1 to 120"),
            (one("A", ["T", "U"], "").replace("technical", "magical"), "kind is missing, or is none of its words"),
            (one("A", ["T", "U"], "activities = []"), "activities is not a list"),
            (one("A", ["T", "U"], "near = [\"segur\"]"), "near is not a list"),
            (one("A", ["T", "U"], "") + &one("A", ["V", "W"], ""), "segur:A: named twice"),
            (one("A", ["T", "U"], "") + &one("B", ["V", "u"], ""), "segur:A and segur:B have one title: u"),
            (one("A", ["T", "U"], "near = [\"segur:B\"]"), "segur:A: segur:B does not say"),
            ("[[rule]]".to_owned(), "id is missing"),
            (String::new(), "no [[rule]]"),
            ("x = ".to_owned(), "rules"),
        ] {
            let error = Catalogue::of(&[("rules", &format!("{GOOD}{rules}"))]).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
        let near = one("A", ["T", "U"], "near = [\"segur:B\"]") + &one("B", ["T", "U"], "near = [\"segur:A\"]");
        let catalogue = Catalogue::of(&[("rules", &format!("{GOOD}{near}"))]).unwrap();
        assert_eq!(catalogue.rule(Text::Segur, "B").unwrap().near[0].to_string(), "segur:A");
    }
}
