//! A resume token as a stranger hands it in: nothing but what this server's own key made is good, and
//! not even that when a byte of it is another.

use std::sync::OnceLock;

use bluemarble_net::resume_tokens::ResumeTokens;
use bluemarble_net::tickets::{CharacterName, Ticket};
use bluemarble_shared_protocol::SessionId;

const NOW_S: u64 = 1_000_000;

fn tokens() -> &'static ResumeTokens {
    static TOKENS: OnceLock<ResumeTokens> = OnceLock::new();
    TOKENS.get_or_init(|| ResumeTokens::ephemeral().expect("randomness"))
}

fn token_of(world: &str, session: u64) -> String {
    let ticket = Ticket {
        character: CharacterName::parse("Ada").expect("a name"),
        account: session.is_multiple_of(2).then(|| "a".to_owned()),
        world: world.to_owned(),
        expires_at_s: NOW_S + 60,
    };
    tokens().issue(&ticket, SessionId(session), NOW_S + 60)
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    assert!(
        tokens().verify(text, NOW_S).is_err(),
        "a token that nobody issued is good"
    );
    // Whatever a world is called and a session numbered, a token says it again.
    let world = text.get(..text.floor_char_boundary(64)).unwrap_or_default();
    let session = data.len() as u64;
    let token = token_of(world, session);
    let good = tokens().verify(&token, NOW_S).expect("a token of our own");
    assert_eq!(good.ticket.world, world);
    assert_eq!(good.session, Some(SessionId(session)));
    assert!(tokens().verify(&token, NOW_S + 60).is_err(), "expired");
    let mut bent = token.clone().into_bytes();
    let sum = data.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    // The last letter carries bits that are not part of the signature.
    let at = sum % (bent.len() - 1);
    bent[at] = if bent[at] == b'B' { b'x' } else { b'B' };
    let bent = String::from_utf8(bent).expect("letters");
    assert!(tokens().verify(&bent, NOW_S).is_err(), "bent at {at}");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        b"earth".to_vec(),
        token_of("earth", 7).into_bytes(),
        b"eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.".to_vec(),
    ]
}
