//! Recorded trajectories: any text is either walked after or refused with what is wrong with it.

use std::fs;

use bluemarble_sim::Recording;

use crate::own_folder;

pub(crate) fn run(data: &[u8]) {
    let file = own_folder().join("walk.txt");
    fs::write(&file, data).expect("a file");
    match Recording::load(&file) {
        Ok(recording) => {
            assert!(recording.people() > 0, "a recording without people");
            assert!(recording.round_s() > 0.0, "a round takes time");
        }
        Err(error) => assert!(error.to_string().contains("walk.txt"), "{error}"),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        b"# framerate: 25 fps\n1 0 0.5 1.5 0\n1 5 1.5 1.5 0\n2 3 -4 7e1 0\n".to_vec(),
        b"# framerate: 0.5\n7 4294967295 -1000 1000\n".to_vec(),
        b"1 1 0 0\n1 1 0 0\n".to_vec(),
    ]
}
