//! What of a crate everybody can name and call, a line each.

use super::crate_items::{name_of, Crate, Meaning, Names};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, FnArg, Generics, ImplItem, Item, Pat, Signature, TraitItem, Type, Visibility};

/// Traits that compilers add to derived code for themselves.
const OF_THE_COMPILER: [&str; 2] = ["StructuralPartialEq", "TrivialClone"];

const IN_THE_PRELUDE: [&str; 7] = [
    "std::clone::Clone",
    "std::cmp::Eq",
    "std::cmp::Ord",
    "std::cmp::PartialEq",
    "std::cmp::PartialOrd",
    "std::default::Default",
    "std::marker::Copy",
];

pub struct Listing<'a> {
    name: &'a str,
    all: &'a Crate,
    /// The names by which everybody reaches an item, by those of where it stands.
    public: BTreeMap<Names, BTreeSet<String>>,
    lines: BTreeSet<String>,
}

/// All lines, sorted.
pub fn list(name: &str, all: &Crate) -> BTreeSet<String> {
    let root = vec!["crate".to_owned()];
    let mut listing = Listing { name, all, public: BTreeMap::new(), lines: BTreeSet::new() };
    listing.reach(&root, name, &mut Vec::new());
    for (path, module) in &all.modules {
        for item in &module.items {
            listing.item(path, item);
        }
    }
    listing.lines
}

impl Listing<'_> {
    /// Notes what everybody reaches through a module that is called so.
    fn reach(&mut self, module: &Names, prefix: &str, above: &mut Vec<Names>) {
        if above.contains(module) {
            return;
        }
        above.push(module.clone());
        let all = self.all;
        let content = &all.modules[module];
        for item in content.items.iter().filter(|item| is_public(item)) {
            let Some(name) = name_of(item) else { continue };
            self.reach_item([module.clone(), vec![name.clone()]].concat(), &format!("{prefix}::{name}"), above);
        }
        for (name, path, _) in content.imports.iter().filter(|(.., is_pub)| *is_pub) {
            for meaning in all.meanings(module, path) {
                match meaning {
                    // A private thing of the same name is not given to anybody.
                    Meaning::Local(names) if self.is_public_item(&names) => {
                        self.reach_item(names, &format!("{prefix}::{name}"), above);
                    }
                    Meaning::Local(_) => {}
                    Meaning::Foreign(names) => {
                        self.lines.insert(format!("pub use {} as {prefix}::{name}", names.join("::")));
                    }
                }
            }
        }
        for (path, _) in content.globs.iter().filter(|(_, is_pub)| *is_pub) {
            for meaning in all.meanings(module, path) {
                match meaning {
                    Meaning::Local(names) => self.reach(&names, prefix, above),
                    Meaning::Foreign(names) => {
                        self.lines.insert(format!("pub use {}::* in {prefix}", names.join("::")));
                    }
                }
            }
        }
        above.pop();
    }

    fn is_public_item(&self, names: &Names) -> bool {
        let (name, module) = names.split_last().expect("a name");
        let items = self.all.modules.get(module).map(|module| module.items.as_slice()).unwrap_or_default();
        items.iter().any(|item| is_public(item) && name_of(item).as_ref() == Some(name))
    }

    fn reach_item(&mut self, names: Names, called: &str, above: &mut Vec<Names>) {
        self.public.entry(names.clone()).or_default().insert(called.to_owned());
        if self.all.modules.contains_key(&names) {
            self.reach(&names, called, above);
        }
    }

    /// The shortest name by which everybody reaches it.
    fn called(&self, names: &[String]) -> Option<&str> {
        self.public.get(names)?.iter().map(String::as_str).min_by_key(|name| (name.matches("::").count(), name.len()))
    }

    fn item(&mut self, module: &Names, item: &Item) {
        if let Item::Impl(found) = item {
            return self.implementation(module, found.clone());
        }
        let Some(name) = name_of(item).filter(|_| is_public(item)) else { return };
        let names = [module.clone(), vec![name]].concat();
        let Some(called) = self.called(&names).map(str::to_owned) else { return };
        for other in &self.public[&names] {
            if *other != called {
                self.lines.insert(format!("pub use {called} as {other}"));
            }
        }
        let text = Written { listing: self, module };
        let mut lines = Vec::new();
        match item {
            Item::Const(item) => lines.push(format!("pub const {called}: {}", text.of(&*item.ty))),
            Item::Static(item) => lines.push(format!("pub static {called}: {}", text.of(&*item.ty))),
            Item::Fn(item) => lines.push(format!("pub {}", text.signature(&item.sig, &called))),
            Item::Macro(_) => lines.push(format!("macro {called}!")),
            Item::Mod(_) => lines.push(format!("pub mod {called}")),
            Item::Type(item) => {
                let (generics, bounds) = text.generics(&item.generics);
                lines.push(format!("pub type {called}{generics} = {}{bounds}", text.of(&*item.ty)));
            }
            Item::Struct(item) => {
                let (generics, bounds) = text.generics(&item.generics);
                let is_open = item.fields.iter().all(|field| matches!(field.vis, Visibility::Public(_)));
                let rest = if is_open { "" } else { " with private fields" };
                lines.push(format!("{}pub struct {called}{generics}{bounds}{rest}", marks(&item.attrs)));
                for (at, field) in
                    item.fields.iter().enumerate().filter(|(_, field)| matches!(field.vis, Visibility::Public(_)))
                {
                    let name = field.ident.as_ref().map_or(at.to_string(), ToString::to_string);
                    lines.push(format!("pub field {called}::{name}: {}", text.of(&field.ty)));
                }
            }
            Item::Enum(item) => {
                let (generics, bounds) = text.generics(&item.generics);
                lines.push(format!("{}pub enum {called}{generics}{bounds}", marks(&item.attrs)));
                for variant in &item.variants {
                    let marks = marks(&variant.attrs);
                    lines.push(format!(
                        "{marks}pub variant {called}::{}{}",
                        variant.ident,
                        text.fields(&variant.fields)
                    ));
                }
            }
            Item::Trait(item) => {
                let (generics, bounds) = text.generics(&item.generics);
                let above: Vec<String> = item.supertraits.iter().map(|bound| text.of(bound)).collect();
                let above = if above.is_empty() { String::new() } else { format!(": {}", above.join(" + ")) };
                lines.push(format!("{}pub trait {called}{generics}{above}{bounds}", marks(&item.attrs)));
                for item in &item.items {
                    lines.extend(text.trait_item(item, &called));
                }
            }
            other => panic!("{called} is an item of a kind that is not listed: {}", other.to_token_stream()),
        }
        self.lines.extend(lines);
    }

    fn implementation(&mut self, module: &Names, mut found: syn::ItemImpl) {
        let is_shown = |meaning: Option<Meaning>| match meaning {
            Some(Meaning::Local(names)) => self.called(&names).map(|_| true).or(Some(false)),
            _ => None,
        };
        let own = is_shown(head(&found.self_ty).and_then(|path| self.meaning(module, &path)));
        let of = found.trait_.as_ref().map(|(_, path, _)| is_shown(self.meaning(module, &names_of(path))));
        let text = Written { listing: self, module };
        let (generics, bounds) = text.generics(&found.generics);
        let this = text.of(&*found.self_ty);
        let mut lines = Vec::new();
        match (&found.trait_, own, of.flatten()) {
            (_, Some(false), _) | (Some(_), _, Some(false)) | (Some(_), None, None) | (None, None, _) => {}
            (Some((not, path, _)), ..) => {
                let last = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                if !OF_THE_COMPILER.contains(&last.as_str()) {
                    let not = if not.is_some() { "!" } else { "" };
                    let types: Vec<String> = found
                        .items
                        .iter()
                        .filter_map(|item| match item {
                            ImplItem::Type(item) => {
                                let (generics, bounds) = text.generics(&item.generics);
                                Some(format!(" type {}{generics} = {}{bounds};", item.ident, text.of(&item.ty)))
                            }
                            _ => None,
                        })
                        .collect();
                    let types = if types.is_empty() { String::new() } else { format!(" {{{} }}", types.concat()) };
                    lines.push(format!("impl{generics} {not}{} for {this}{bounds}{types}", text.of(path)));
                }
            }
            (None, ..) => {
                let within = if generics.is_empty() { this.clone() } else { format!("impl{generics} {this}{bounds}") };
                for item in &mut found.items {
                    match item {
                        ImplItem::Fn(item) if matches!(item.vis, Visibility::Public(_)) && !is_hidden(&item.attrs) => {
                            let marks = marks(&item.attrs);
                            lines.push(format!(
                                "{marks}pub {}",
                                text.signature(&item.sig, &format!("{within}::{}", item.sig.ident))
                            ));
                        }
                        ImplItem::Const(item)
                            if matches!(item.vis, Visibility::Public(_)) && !is_hidden(&item.attrs) =>
                        {
                            lines.push(format!("pub const {within}::{}: {}", item.ident, text.of(&item.ty)));
                        }
                        _ => {}
                    }
                }
            }
        }
        self.lines.extend(lines);
    }

    /// What a path means, where that is one thing.
    fn meaning(&self, module: &[String], path: &[String]) -> Option<Meaning> {
        let found = self.all.meanings(module, path);
        // A module shares its name with what is meant: only a function has one that a type does not have as well.
        let is_module =
            |meaning: &Meaning| matches!(meaning, Meaning::Local(names) if self.all.modules.contains_key(names));
        let mut others = found.iter().filter(|meaning| !is_module(meaning));
        others.next().or(found.first()).cloned()
    }
}

/// Writes types as they are in a module, with the names that everybody has for them.
struct Written<'a> {
    listing: &'a Listing<'a>,
    module: &'a Names,
}

impl Written<'_> {
    fn of<T: ToTokens + Clone + Resolve>(&self, part: &T) -> String {
        let mut part = part.clone();
        part.resolve(&mut Resolver { listing: self.listing, module: self.module });
        tidy(&part.to_token_stream().to_string())
    }

    /// The parameters, and the conditions on them.
    fn generics(&self, generics: &Generics) -> (String, String) {
        let mut generics = generics.clone();
        Resolver { listing: self.listing, module: self.module }.visit_generics_mut(&mut generics);
        let bounds =
            generics.where_clause.take().map(|bounds| format!(" {}", tidy(&bounds.to_token_stream().to_string())));
        let bounds = bounds.unwrap_or_default().trim_end_matches(',').to_owned();
        (tidy(&generics.to_token_stream().to_string()), bounds)
    }

    fn signature(&self, signature: &Signature, called: &str) -> String {
        let mut signature = signature.clone();
        for argument in &mut signature.inputs {
            match argument {
                // Whether a function changes its own copy is its own affair.
                FnArg::Receiver(this) if this.reference.is_none() => this.mutability = None,
                FnArg::Typed(argument) => match &mut *argument.pat {
                    Pat::Ident(name) => name.mutability = None,
                    _ => *argument.pat = syn::parse_quote!(_),
                },
                FnArg::Receiver(_) => {}
            }
        }
        Resolver { listing: self.listing, module: self.module }.visit_signature_mut(&mut signature);
        let name = signature.ident.to_string();
        let text = tidy(&signature.to_token_stream().to_string());
        text.replacen(&format!("fn {name}"), &format!("fn {called}"), 1).trim_end_matches(',').to_owned()
    }

    fn fields(&self, fields: &Fields) -> String {
        let each = fields.iter().map(|field| match &field.ident {
            Some(name) => format!("{name}: {}", self.of(&field.ty)),
            None => self.of(&field.ty),
        });
        let each = each.collect::<Vec<_>>().join(", ");
        match fields {
            Fields::Unit => String::new(),
            Fields::Named(_) => format!(" {{ {each} }}"),
            Fields::Unnamed(_) => format!("({each})"),
        }
    }

    fn trait_item(&self, item: &TraitItem, called: &str) -> Option<String> {
        Some(match item {
            TraitItem::Fn(item) if !is_hidden(&item.attrs) => {
                let kind = if item.default.is_some() { "provided" } else { "required" };
                let signature = self.signature(&item.sig, &format!("{called}::{}", item.sig.ident));
                format!("{}{kind} {signature}", marks(&item.attrs))
            }
            TraitItem::Type(item) => {
                let (generics, bounds) = self.generics(&item.generics);
                let is: Vec<String> = item.bounds.iter().map(|bound| self.of(bound)).collect();
                let is = if is.is_empty() { String::new() } else { format!(": {}", is.join(" + ")) };
                format!("type {called}::{}{generics}{is}{bounds}", item.ident)
            }
            TraitItem::Const(item) => {
                let kind = if item.default.is_some() { "provided" } else { "required" };
                format!("{kind} const {called}::{}: {}", item.ident, self.of(&item.ty))
            }
            _ => return None,
        })
    }
}

/// What can have its names replaced.
pub trait Resolve {
    fn resolve(&mut self, resolver: &mut Resolver<'_>);
}

impl Resolve for Type {
    fn resolve(&mut self, resolver: &mut Resolver<'_>) {
        resolver.visit_type_mut(self);
    }
}

impl Resolve for syn::Path {
    fn resolve(&mut self, resolver: &mut Resolver<'_>) {
        resolver.visit_path_mut(self);
    }
}

impl Resolve for syn::TypeParamBound {
    fn resolve(&mut self, resolver: &mut Resolver<'_>) {
        resolver.visit_type_param_bound_mut(self);
    }
}

/// Replaces names by what they mean, so that another `use` with the same name is seen.
pub struct Resolver<'a> {
    listing: &'a Listing<'a>,
    module: &'a Names,
}

impl VisitMut for Resolver<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let names = names_of(path);
        if names.first().is_some_and(|name| name == "Self") {
            return;
        }
        let written: Names = match self.listing.meaning(self.module, &names) {
            // Derived code names in full what everybody else has without asking.
            Some(Meaning::Foreign(names)) if IN_THE_PRELUDE.contains(&names.join("::").as_str()) => names[2..].to_vec(),
            Some(Meaning::Foreign(names)) => names,
            Some(Meaning::Local(names)) => match self.listing.called(&names) {
                Some(called) => called.split("::").map(str::to_owned).collect(),
                // Something public has it in its signature, and nobody can name it.
                None => [vec![self.listing.name.to_owned()], names[1..].to_vec()].concat(),
            },
            None => return,
        };
        let arguments: Vec<_> = path.segments.iter().map(|segment| segment.arguments.clone()).collect();
        let text = written.join("::");
        let Ok(mut resolved) = syn::parse_str::<syn::Path>(&text) else { panic!("{text} is no path") };
        if let (Some(last), Some(arguments)) = (resolved.segments.last_mut(), arguments.last()) {
            last.arguments = arguments.clone();
        }
        *path = resolved;
    }

    fn visit_attribute_mut(&mut self, _: &mut Attribute) {}
}

fn names_of(path: &syn::Path) -> Names {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The path of a type without what surrounds it.
fn head(this: &Type) -> Option<Names> {
    match this {
        Type::Path(path) if path.qself.is_none() => Some(names_of(&path.path)),
        Type::Reference(reference) => head(&reference.elem),
        _ => None,
    }
}

fn is_public(item: &Item) -> bool {
    let (visibility, attributes) = match item {
        Item::Const(item) => (&item.vis, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.attrs),
        Item::Mod(item) => (&item.vis, &item.attrs),
        Item::Static(item) => (&item.vis, &item.attrs),
        Item::Struct(item) => (&item.vis, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.attrs),
        Item::Type(item) => (&item.vis, &item.attrs),
        Item::Union(item) => (&item.vis, &item.attrs),
        Item::Macro(item) => return item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")),
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_)) && !is_hidden(attributes)
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc") && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "hidden")
    })
}

/// What callers have to know besides the item itself.
fn marks(attributes: &[Attribute]) -> String {
    let known = ["deprecated", "must_use", "non_exhaustive"];
    let found = known.iter().filter(|name| attributes.iter().any(|attribute| attribute.path().is_ident(name)));
    found.map(|name| format!("#[{name}] ")).collect()
}

/// Tokens with the spaces that people write.
fn tidy(tokens: &str) -> String {
    let mut out = String::new();
    for token in tokens.split_whitespace() {
        let before = out.chars().last();
        let sticks_left =
            [",", ";", ":", "::", ".", ">", ")", "]", "?", "<", "("].iter().any(|sign| token.starts_with(sign));
        let sticks_right = matches!(before, Some('(' | '<' | '[' | '&' | '!' | '?')) || out.ends_with("::");
        let is_arrow = token == "->" || token == "=>" || token == "=";
        let after_word = token == "("
            && (out.ends_with("->")
                || out.ends_with(',')
                || out.ends_with('+')
                || out.ends_with('=')
                || out.ends_with(':'));
        if !out.is_empty() && (is_arrow || after_word || !(sticks_left || sticks_right)) {
            out.push(' ');
        }
        out.push_str(token);
    }
    out
}
