//! What lies in a binary.

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The bytes of a binary without its symbols.
pub fn stripped(binary: &Path) -> Result<u64, String> {
    let to = binary.with_extension("stripped");
    let status = Command::new("strip").arg("-o").arg(&to).arg(binary).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(format!("strip refuses {}", binary.display())),
        Err(error) => return Err(format!("cannot run strip, which comes with the linker: {error}")),
    }
    std::fs::metadata(&to).map(|metadata| metadata.len()).map_err(|error| format!("{}: {error}", to.display()))
}

/// Bytes of code and of data, by the module that they come from: `rediscluster::net`, `std`, …
pub fn by_module(binary: &Path) -> Result<Vec<(String, u64, u64)>, String> {
    let bytes = read(binary)?;
    let mut modules = Modules::default();
    modules.add(&bytes).map_err(|error| format!("{}: {error}", binary.display()))?;
    Ok(modules.sorted())
}

/// The same for a library that programs are linked with: what was compiled with it, whatever they use.
pub fn of_library(library: &Path) -> Result<Vec<(String, u64, u64)>, String> {
    let told = |error: object::Error| format!("{}: {error}", library.display());
    let bytes = read(library)?;
    let mut modules = Modules::default();
    for member in ArchiveFile::parse(&*bytes).map_err(told)?.members() {
        let member = member.map_err(told)?;
        // Beside its object files a library has what the compiler knows of it.
        if member.name().ends_with(b".o") {
            modules.add(member.data(&*bytes).map_err(told)?).map_err(told)?;
        }
    }
    Ok(modules.sorted())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Bytes of code and of data by module.
#[derive(Default)]
struct Modules(BTreeMap<String, (u64, u64)>);

impl Modules {
    fn add(&mut self, binary: &[u8]) -> object::Result<()> {
        let file = object::File::parse(binary)?;
        for symbol in file.symbols() {
            let kind = symbol.section_index().and_then(|index| file.section_by_index(index).ok()).map(|s| s.kind());
            // Without the hash that tells two versions of a crate apart, which would stand between its name and what follows.
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name().unwrap_or_default()));
            let module = self.0.entry(module(&name)).or_default();
            match (symbol.kind(), kind) {
                (SymbolKind::Text, _) => module.0 += symbol.size(),
                (_, Some(SectionKind::Data | SectionKind::ReadOnlyData | SectionKind::ReadOnlyDataWithRel)) => {
                    module.1 += symbol.size();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The largest first.
    fn sorted(self) -> Vec<(String, u64, u64)> {
        let mut modules: Vec<_> = self.0.into_iter().map(|(module, (text, data))| (module, text, data)).collect();
        modules.sort_by_key(|(_, text, data)| std::cmp::Reverse(text + data));
        modules
    }
}

/// Bytes of what is loaded, by section, the largest first.
pub fn by_section(binary: &Path) -> Result<Vec<(String, u64)>, String> {
    let bytes = read(binary)?;
    let file = object::File::parse(&*bytes).map_err(|error| format!("{}: {error}", binary.display()))?;
    // What has no address stays in the file and is what `strip` takes away.
    let loaded = file.sections().filter(|section| section.address() != 0 && section.file_range().is_some());
    let mut sections: Vec<_> = loaded.map(|s| (s.name().unwrap_or_default().to_owned(), s.size())).collect();
    sections.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    Ok(sections)
}

/// The crate that a symbol comes from, and for this library the room. What is generic counts for the room that it was
/// made for, which is named first among its types.
fn module(name: &str) -> String {
    if let Some(at) = name.find("rediscluster::") {
        let rest = &name[at + "rediscluster::".len()..];
        let room: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        return format!("rediscluster::{room}");
    }
    let first = name.trim_start_matches(['<', '&', '*', '[', '(']).trim_start_matches("dyn ");
    let first = first.split([':', '<', ' ', '.', '>']).next().unwrap_or_default();
    match first {
        "core" | "alloc" | "std" | "redis" | "crc32fast" | "compiler_builtins" => first.to_owned(),
        "hashbrown" | "addr2line" | "gimli" | "miniz_oxide" | "rustc_demangle" | "object" | "memchr" => {
            "std".to_owned()
        }
        _ => "other".to_owned(),
    }
}
