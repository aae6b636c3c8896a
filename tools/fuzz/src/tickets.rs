//! A ticket as a stranger hands it in: nothing but what the key signed is good.

use std::sync::OnceLock;

use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys, TicketVerifier};

const NOW_S: u64 = 1_000_000;

fn keys() -> &'static (TicketIssuer, TicketVerifier) {
    static KEYS: OnceLock<(TicketIssuer, TicketVerifier)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = TicketKeys::generate().expect("a key");
        let issuer = TicketIssuer::from_pem(&keys.private_pem, "w").expect("our own key");
        (
            issuer,
            TicketVerifier::from_pem(&keys.public_pem, "w").expect("our own key"),
        )
    })
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (issuer, verifier) = keys();
    assert!(
        verifier.verify(text, NOW_S).is_err(),
        "a ticket that nobody signed is good"
    );
    if let Ok(name) = CharacterName::parse(text) {
        let ticket = issuer.issue(&name, NOW_S, 60);
        let known = verifier
            .verify(&ticket, NOW_S)
            .expect("a ticket of our own");
        assert_eq!(known.character.as_str(), name.as_str());
        assert!(verifier.verify(&ticket, NOW_S + 100_000).is_err());
        // One letter more or less.
        assert!(verifier.verify(&ticket[1..], NOW_S).is_err());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let name = CharacterName::parse("Ada").expect("a name");
    let signed_by_another = keys().0.issue(&name, NOW_S, 60);
    vec![
        b"Ada".to_vec(),
        signed_by_another.into_bytes(),
        b"eyJhbGciOiJub25lIn0.e30.".to_vec(),
    ]
}
