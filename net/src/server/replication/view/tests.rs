//! The life of an index, whatever is lost or late.

use super::super::flights::FLIGHTS_MAX;
use super::*;

fn noted(slot: u32) -> SlotRef {
    SlotRef {
        slot,
        generation: 0,
    }
}

fn acked(view: &View) -> (u64, u64) {
    (view.acked_numbers[0].into(), view.acked_ticks[0].into())
}

fn ack(number: u64) -> Acks {
    Acks {
        newest: number as u16,
        before: 0,
    }
}

fn acknowledge(view: &mut View, acks: Acks, oldest: Tick) -> AckOutcome {
    let outcome = view.acknowledge(acks, oldest);
    view.settle(Tick(0));
    outcome
}

fn send(view: &mut View, tick: u64, indices: &[u16]) -> u64 {
    let number = view.begin_flight(Tick(tick), OwnSent::default());
    for index in indices {
        view.held(usize::from(index / 64), 1 << (index % 64), Tick(tick));
    }
    number
}

#[test]
fn an_index_is_reused_only_after_its_removal_was_acknowledged() {
    let mut view = View::new();
    let first = view.enter(noted(1)).unwrap();
    let entered = send(&mut view, 1, &[first]);
    acknowledge(&mut view, ack(entered), Tick(0));
    assert!(view.is_known(0));
    view.leave(first, RemoveReason::Gone);
    let removal = send(&mut view, 2, &[first]);
    assert_eq!(view.enter(noted(2)), Some(1));
    acknowledge(&mut view, ack(removal), Tick(0));
    assert_eq!(view.enter(noted(3)), Some(0));
    assert_eq!(view.len(), 2);
}

#[test]
fn a_late_acknowledgement_is_not_credited_to_the_next_owner_of_an_index() {
    let mut view = View::new();
    let index = view.enter(noted(1)).unwrap();
    let entered = send(&mut view, 1, &[index]);
    view.leave(index, RemoveReason::OutOfView);
    let removal = send(&mut view, 2, &[index]);
    acknowledge(&mut view, ack(removal), Tick(0));
    assert_eq!(view.enter(noted(2)), Some(index));
    acknowledge(&mut view, ack(entered), Tick(0));
    assert!(!view.is_known(index));
}

#[test]
fn an_old_acknowledgement_never_replaces_a_newer_baseline() {
    let mut view = View::new();
    let index = view.enter(noted(1)).unwrap();
    let numbers: Vec<u64> = (1..=3)
        .map(|tick| send(&mut view, tick, &[index]))
        .collect();
    acknowledge(&mut view, ack(numbers[2]), Tick(0));
    acknowledge(&mut view, ack(numbers[0]), Tick(0));
    assert_eq!(acked(&view), (numbers[2], 3));
    let outcome = acknowledge(
        &mut view,
        Acks {
            newest: numbers[2] as u16,
            before: u32::MAX,
        },
        Tick(0),
    );
    assert_eq!(outcome.arrived, 1, "only the second one is news");
}

#[test]
fn an_entity_never_sent_leaves_without_a_trace() {
    let mut view = View::new();
    let index = view.enter(noted(1)).unwrap();
    view.leave(index, RemoveReason::Gone);
    assert_eq!(view.len(), 0);
    assert_eq!(view.enter(noted(2)), Some(index));
}

#[test]
fn a_datagram_never_sent_cannot_be_acknowledged() {
    let mut view = View::new();
    assert!(acknowledge(&mut view, ack(1), Tick(0)).unknown);
    send(&mut view, 1, &[]);
    assert!(acknowledge(&mut view, ack(2), Tick(0)).unknown);
    assert_eq!(acknowledge(&mut view, ack(1), Tick(0)).arrived, 1);
}

#[test]
fn what_fell_out_of_the_ring_counts_as_lost() {
    let mut view = View::new();
    let index = view.enter(noted(1)).unwrap();
    let first = send(&mut view, 1, &[index]);
    (2..=1 + FLIGHTS_MAX as u64).for_each(|tick| {
        send(&mut view, tick, &[]);
    });
    assert_eq!(acknowledge(&mut view, ack(first), Tick(0)).arrived, 0);
    assert!(!view.is_known(index));
}

#[test]
fn what_a_distrusted_view_was_sent_before_is_no_baseline() {
    let mut view = View::new();
    let index = view.enter(noted(1)).unwrap();
    let first = send(&mut view, 1, &[index]);
    acknowledge(&mut view, ack(first), Tick(0));
    let second = send(&mut view, 2, &[index]);
    assert_eq!(view.held_by(second), Some((Tick(2), vec![noted(1)])));
    view.distrust();
    acknowledge(&mut view, ack(second), Tick(0));
    assert!(!view.is_known(index));
    let third = send(&mut view, 3, &[index]);
    acknowledge(&mut view, ack(third), Tick(0));
    assert!(view.is_known(index));
    assert_eq!(acked(&view), (third, 3));
}

#[test]
fn a_full_view_takes_nobody() {
    let mut view = View::new();
    for slot in 0..INDICES_MAX as u32 {
        assert!(view.enter(noted(slot)).is_some());
    }
    assert_eq!(view.enter(noted(9_999)), None);
}
