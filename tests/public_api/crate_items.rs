//! The items of a crate by their modules, and what names mean in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::{Attribute, Item, UseTree, Visibility};

/// The names from the root of its crate to an item. That of the crate itself is `crate`.
pub type Names = Vec<String>;

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Meaning {
    Local(Names),
    /// Of another crate, by the names that lead there.
    Foreign(Names),
}

#[derive(Default)]
pub struct Module {
    pub items: Vec<Item>,
    /// What is brought in by `use`: under which name, from where, and whether for everybody.
    pub imports: Vec<(String, Names, bool)>,
    /// The same for `use …::*`.
    pub globs: Vec<(Names, bool)>,
}

pub struct Crate {
    /// By their names.
    pub modules: BTreeMap<Names, Module>,
}

impl Crate {
    /// From a source in which everything is expanded.
    pub fn expanded(source: &str) -> Crate {
        Crate::of(syn::parse_file(source).expect("what the compiler has expanded").items, None)
    }

    /// From the files of a crate, none of whose items comes from a macro.
    pub fn without_macros(root: &Path) -> Crate {
        Crate::of(parse(root), root.parent())
    }

    fn of(items: Vec<Item>, folder: Option<&Path>) -> Crate {
        let mut all = Crate { modules: BTreeMap::new() };
        all.add(vec!["crate".to_owned()], items, folder);
        all
    }

    fn add(&mut self, path: Names, items: Vec<Item>, folder: Option<&Path>) {
        let mut module = Module::default();
        for item in items {
            match item {
                Item::Mod(inner) if is_for_tests(&inner.attrs) => {}
                Item::Struct(inner) if is_for_tests(&inner.attrs) => {}
                Item::Use(found) => {
                    let is_pub = matches!(found.vis, Visibility::Public(_));
                    imports(&found.tree, &mut Vec::new(), is_pub, &mut module);
                }
                Item::Mod(mut inner) => {
                    let name = inner.ident.to_string();
                    let names = [path.clone(), vec![name.clone()]].concat();
                    let items = match inner.content.take() {
                        Some((_, items)) => items,
                        None => {
                            let folder = folder.expect("everything is expanded");
                            parse(&folder.join(format!("{name}.rs")))
                        }
                    };
                    self.add(names, items, folder.map(|folder| folder.join(&name)).as_deref());
                    module.items.push(Item::Mod(inner));
                }
                Item::Macro(found) if folder.is_some() => panic!("{:?} may make items", found.mac.path.segments.last()),
                item => module.items.push(item),
            }
        }
        self.modules.insert(path, module);
    }

    /// What a path means in a module: several things where a module and a function share a name.
    pub fn meanings(&self, module: &[String], path: &[String]) -> BTreeSet<Meaning> {
        self.meanings_within(module, path, 0)
    }

    fn meanings_within(&self, module: &[String], path: &[String], depth: usize) -> BTreeSet<Meaning> {
        // Globs may lead in circles.
        if depth > 12 {
            return BTreeSet::new();
        }
        let Some((first, rest)) = path.split_first() else {
            return [Meaning::Local(module.to_vec())].into();
        };
        let mut found = match first.as_str() {
            "crate" => [Meaning::Local(vec!["crate".to_owned()])].into(),
            "self" => [Meaning::Local(module.to_vec())].into(),
            "super" => [Meaning::Local(module[..module.len() - 1].to_vec())].into(),
            name => self.named(module, name, depth),
        };
        if found.is_empty() && is_foreign(first) {
            found = [Meaning::Foreign(vec![if first == "core" || first == "alloc" {
                "std".into()
            } else {
                first.clone()
            }])]
            .into();
        }
        for name in rest {
            found = found.into_iter().flat_map(|meaning| self.inside(meaning, name, depth)).collect();
        }
        found
    }

    fn inside(&self, meaning: Meaning, name: &str, depth: usize) -> BTreeSet<Meaning> {
        match meaning {
            Meaning::Foreign(names) => [Meaning::Foreign([names, vec![name.to_owned()]].concat())].into(),
            Meaning::Local(names) if name == "super" => [Meaning::Local(names[..names.len() - 1].to_vec())].into(),
            Meaning::Local(names) if self.modules.contains_key(&names) => self.named(&names, name, depth),
            // A variant, or something else that belongs to a type.
            Meaning::Local(names) => [Meaning::Local([names, vec![name.to_owned()]].concat())].into(),
        }
    }

    fn named(&self, module: &[String], name: &str, depth: usize) -> BTreeSet<Meaning> {
        let Some(content) = self.modules.get(module) else { return BTreeSet::new() };
        let mut found = BTreeSet::new();
        if content.items.iter().any(|item| name_of(item).is_some_and(|known| known == name)) {
            found.insert(Meaning::Local([module.to_vec(), vec![name.to_owned()]].concat()));
        }
        for (known, path, _) in &content.imports {
            if known == name {
                found.extend(self.meanings_within(module, path, depth + 1));
            }
        }
        if found.is_empty() {
            for (path, _) in &content.globs {
                for from in self.meanings_within(module, path, depth + 1) {
                    if let Meaning::Local(from) = from {
                        found.extend(self.named(&from, name, depth + 1));
                    }
                }
            }
        }
        found
    }
}

fn parse(file: &Path) -> Vec<Item> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test" || ident == "doctest")
    };
    attributes.iter().any(is_test)
}

fn is_foreign(name: &str) -> bool {
    ["std", "core", "alloc", "crc32fast", "rediscluster", "rustls", "rustls_native_certs"].contains(&name)
}

fn imports(tree: &UseTree, path: &mut Names, is_pub: bool, module: &mut Module) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            imports(&inner.tree, path, is_pub, module);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| imports(tree, path, is_pub, module)),
        UseTree::Glob(_) => module.globs.push((path.clone(), is_pub)),
        UseTree::Name(name) if name.ident == "self" => {
            let last = path.last().cloned().expect("something before `self`");
            module.imports.push((last, path.clone(), is_pub));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            module.imports.push((name.clone(), [path.clone(), vec![name]].concat(), is_pub));
        }
        UseTree::Rename(renamed) => {
            let from = [path.clone(), vec![renamed.ident.to_string()]].concat();
            module.imports.push((renamed.rename.to_string(), from, is_pub));
        }
    }
}

pub fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Mod(item) => item.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}
