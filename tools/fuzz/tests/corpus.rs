//! Every input of the corpus, and as many bent ones as a moment allows: what was found once is never
//! found again.

use std::path::Path;
use std::time::Duration;

use bluemarble_fuzz::{TARGETS, mutate};

const MOMENT: Duration = Duration::from_millis(200);

#[test]
fn no_target_breaks_its_promise() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        let files = std::fs::read_dir(&folder).expect("a corpus").flatten();
        let inputs: Vec<Vec<u8>> = files
            .map(|entry| std::fs::read(entry.path()).expect("an input"))
            .collect();
        assert!(inputs.len() >= 3, "{}", target.name);
        inputs.iter().for_each(|input| (target.run)(input));
        let ran = mutate::run(target.run, &inputs, 1, MOMENT);
        assert!(ran.executions > 0);
        assert_eq!(ran.failure, None, "{}", target.name);
    }
    bluemarble_fuzz::clean_up();
}
