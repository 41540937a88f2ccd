//! What an earlier membership of this machine has left in its data directory.

use std::{fs, io, path::Path};

use hosts::UnitName;

use super::layout::Layout;

/// From here on nothing is wanted to run in any unit: a machine that joins anew may have been declared dead, and what ran on it
/// is elsewhere by now. The agent ends what is left of it when it begins; files stay. Answers in how many units something was
/// wanted. No agent may run in this data directory.
pub fn unwant_all(data_directory: &Path) -> io::Result<usize> {
    let layout = Layout::new(data_directory.to_owned());
    let entries = match fs::read_dir(layout.units()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut count = 0;
    for entry in entries {
        let Some(unit) = entry?.file_name().into_string().ok().and_then(UnitName::new) else {
            continue;
        };
        match fs::remove_file(layout.wanted(&unit)) {
            Ok(()) => count += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wanted_of_an_earlier_membership_and_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unwant_all(folder.path()).unwrap(), 0, "a new machine has no units");
        for unit in ["one", "two"] {
            fs::create_dir_all(folder.path().join("units").join(unit).join(".agent")).unwrap();
            fs::write(folder.path().join("units").join(unit).join("data"), "kept").unwrap();
        }
        fs::write(folder.path().join("units/one/.agent/wanted.json"), "{}").unwrap();
        assert_eq!(unwant_all(folder.path()).unwrap(), 1);
        assert!(!folder.path().join("units/one/.agent/wanted.json").exists());
        assert_eq!(
            fs::read_to_string(folder.path().join("units/one/data")).unwrap(),
            "kept"
        );
        assert_eq!(unwant_all(folder.path()).unwrap(), 0);
    }
}
