/* Batches in a row: while the flusher writes one, the committing thread answers the one before and decides the next. A
 * successor takes over at any moment; both threads of the old owner may stop for ever, or go on as zombies, anywhere.
 *
 * A writer submits NOPS operations without waiting for answers. Each batch is of one operation, accepted or refused as
 * anybody likes; FLIGHTS are on their way at most. A flight may find the disk full (nothing was written: it is answered
 * so, and the lease is kept) or fail for good. takeover.pml has what is left out here: write and sync as two steps,
 * power loss, segments, hand-over; here a batch that is published is in the journal.
 *
 * Checked: told "committed", it is in the journal, once; told anything else, it is not, nor ever will be; a refusal is
 * told only when everything that it was decided on has been published; the journal has the operations in order; behind
 * each answer nothing that was popped is untold; the successor leaves nothing untold at all.
 *
 * That nothing flies behind a failure, and that publication compares the LSN, each suffice alone: FLY_ON drops both.
 *
 *   spin -a pipeline.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m20000
 *   by hand: spin -DNOPS=4 (35 s)
 */
#ifndef NOPS
#define NOPS 3
#endif
#define FLIGHTS 3

mtype = { PENDING, COMMITTED, REFUSED, NOT_APPLIED };
mtype = { OK, FULL, BAD };

/* Shared memory. */
byte submitted;
byte beat_epoch = 1, durable_epoch = 1, head_epoch = 1, resolved_epoch = 1;
byte durable, head, resolved;
mtype told[NOPS] = PENDING;
byte journal[NOPS];

/* The old owner's. */
byte op_of[FLIGHTS], base[FLIGHTS];
bool refused[FLIGHTS], landed[FLIGHTS];
mtype end_of[FLIGHTS];
byte next; /* the flight that is offered, + 1 */
bool halted;

inline CheckTold(o) {
  d_step {
    i = 0; n = 0;
    do
    :: i < durable -> if :: journal[i] == o -> n++ :: else fi; i++
    :: else -> break
    od;
    assert(n == (told[o] == COMMITTED -> 1 : 0));
    i = 0; n = 0
  }
}

/* `on`: what was published when it was decided, or would be by then. */
inline Tell(o, what, on) {
  atomic {
    if
    :: told[o] == PENDING -> told[o] = what; assert(what != REFUSED || on <= durable); CheckTold(o)
    :: else
    fi
  }
}

inline Publish(o, at) {
  assert(told[o] == PENDING);
  assert(at == 0 || journal[at - 1] < o);
  journal[at] = o;
  durable = at + 1
}

proctype Writer() {
  do
  :: submitted < NOPS -> submitted++
  :: else -> break
  od
}

proctype Committing() {
  byte read, at, begun, done, f, i, n;
end_step:
  do
  :: break /* stops for ever */
  :: atomic { /* gather, and offer what was gathered */
       begun - done < FLIGHTS && next == 0 && read < submitted ->
       f = begun % FLIGHTS;
       op_of[f] = read; base[f] = at; landed[f] = false; end_of[f] = OK;
       if :: refused[f] = true :: refused[f] = false; at++ fi;
       read++
     };
#ifdef ANSWERED_AT_ONCE
     if :: refused[f] -> Tell(op_of[f], REFUSED, base[f]) :: else fi;
#endif
     next = f + 1;
     begun++
  :: atomic { done < begun && landed[done % FLIGHTS] -> f = done % FLIGHTS; done++ };
     if
     :: end_of[f] == BAD -> break /* abandons */
     :: else
     fi;
     /* pop: up to where the batch ended */
#ifdef POP_AS_READ
     atomic { if :: head_epoch > 1 -> break :: else -> head = read fi };
#else
     atomic { if :: head_epoch > 1 -> break :: else -> head = op_of[f] + 1 fi };
#endif
     atomic { if :: beat_epoch > 1 -> break :: else fi };
     if
     :: end_of[f] == FULL -> Tell(op_of[f], REFUSED, 0) /* whatever it was decided on */
     :: end_of[f] == OK && refused[f] -> Tell(op_of[f], REFUSED, base[f])
     :: else -> Tell(op_of[f], COMMITTED, 0)
     fi;
     atomic { /* what is popped is told, or nobody would ever take it again */
       i = 0;
       do
       :: i < head && head_epoch == 1 -> assert(told[i] != PENDING); i++
       :: else -> break
       od;
       i = 0
     };
#ifdef RESOLVED_AS_PUBLISHED
     atomic { if :: resolved_epoch > 1 -> break :: else -> resolved = durable fi };
#else
     atomic { if :: resolved_epoch > 1 -> break
                 :: else -> resolved = base[f] + (refused[f] || end_of[f] == FULL -> 0 : 1) fi };
#endif
     if
     :: end_of[f] == FULL -> /* what was decided behind it is void, and taken again */
#ifndef NOT_VOIDED
        atomic { if :: next != 0 -> next = 0; begun-- :: else fi };
        do
        :: done < begun -> landed[done % FLIGHTS] -> done++
        :: else -> break
        od;
#ifndef READ_ON
        read = head;
#endif
#endif
        at = durable;
        halted = false
     :: else
     fi
  od
}

proctype Flushing() {
  byte f;
end_fly:
  do
  :: break /* stops for ever */
#ifdef FLY_ON
  :: atomic { next != 0 -> f = next - 1; next = 0 };
#else
  :: atomic { next != 0 && !halted -> f = next - 1; next = 0 };
#endif
     if
     :: refused[f]
     :: !refused[f] -> end_of[f] = FULL
     :: !refused[f] -> end_of[f] = BAD
     :: !refused[f] ->
        atomic {
          if
#ifdef FLY_ON
          :: durable_epoch == 1 -> Publish(op_of[f], base[f])
#else
          :: durable_epoch == 1 && durable == base[f] -> Publish(op_of[f], base[f])
#endif
          :: else -> end_of[f] = BAD
          fi
        }
     fi;
     if
     :: end_of[f] != OK -> halted = true
     :: else
     fi;
     landed[f] = true
  od
}

/* Never dies, so that everything is told. */
proctype Successor() {
  byte l, o, i, n, d;
  bool found;
  beat_epoch = 2;
  durable_epoch = 2;
  d = durable;
  head_epoch = 2;
  atomic {
    l = resolved;
    do
    :: l < d -> if :: journal[l] >= head -> head = journal[l] + 1 :: else fi; l++
    :: else -> break
    od
  };
  o = 0;
  do
  :: o < head ->
     atomic {
       found = false; l = resolved;
       do
       :: l < d -> found = found || journal[l] == o; l++
       :: else -> break
       od
     };
     if
     :: found -> Tell(o, COMMITTED, 0)
     :: else -> Tell(o, NOT_APPLIED, 0)
     fi;
     o++
  :: else -> break
  od;
  atomic { resolved_epoch = 2; resolved = d };
  do
  :: head < NOPS ->
     submitted > head;
     o = head;
     if
     :: atomic { Publish(o, durable) }; head = o + 1; Tell(o, COMMITTED, 0)
     :: head = o + 1; Tell(o, REFUSED, durable)
     fi
  :: else -> break
  od;
  o = 0;
  do
  :: o < NOPS -> assert(told[o] != PENDING); CheckTold(o); o++
  :: else -> break
  od
}

init {
  atomic { run Writer(); run Committing(); run Flushing(); run Successor() }
}
