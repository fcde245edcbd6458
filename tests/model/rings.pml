/* One index lane: the rings of its pool, passed on by turns, and the one head word that gives them back.
 *
 * The writer fills its active ring; when that is full it goes on in a drained one and publishes the next turn: a
 * circular list of turns, which is the submit queue (turns from the head's to the writer's) and the free queue (turns
 * below the head's) at once. Readers copy records from the head on, then move the head by compare-and-swap: a copy
 * counts only for whoever moves it. READERS compete, as an old committer and its successor do; the old one may wake up
 * with a head that is long over.
 *
 * Checked: what is popped is every operation, in order, once, with its own content; a bad record is found only by a
 * reader that has been overtaken; nobody waits for ever (a state without moves is a violation).
 *
 * A ring holds ROOM records; a position is the number of records ever written to its ring. A step is an atomic
 * block: a load, a store, a record copied. Memory is sequentially consistent here: an order that release and acquire
 * give is tested by a mutant that turns it around. docs/models.md maps steps to functions.
 * Left out: waking and sleeping (lanes.pml), sizes and checksums, the detail lane (free with the head's sequence), epochs in
 * the head (takeover.pml); positions and turns are not cut to their low bits.
 *   spin -a rings.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m100000
 *   by hand: spin -DOPS=8 -a …, or -DRINGS=3, or -DREADERS=3
 */
#ifndef OPS
#define OPS 6
#endif
#ifndef RINGS
#define RINGS 2
#endif
#ifndef ROOM
#define ROOM 2
#endif
#ifndef BATCH
#define BATCH 2 /* records copied before the head is moved, at most */
#endif
#ifndef READERS
#define READERS 2
#endif
#define LISTED (RINGS + 2)

typedef Ring {
  byte tail;
  byte record[ROOM]; /* the record at position p is record[p % ROOM]: its operation, + 1 */
}
Ring ring[RINGS];

byte turn = 0; /* LaneControl */
byte ring_of[LISTED];
byte start_of[LISTED];
byte submitted = 0;

/* LaneHead: one word. */
byte head_sequence = 0, head_turn = 0, head_position = 0;

#ifdef LANE_ALONE
#define PUBLISHED(s) true
#else
#define PUBLISHED(s) (submitted > s)
#endif
#define ACTIVE ring_of[turn % LISTED]

proctype Writer() {
  byte op, r, h_turn, h_position, reclaimed;
  byte freed[RINGS]; /* per ring: everything below this position may be overwritten */
  byte free;         /* rings that are free, a bit each */

  free = (1 << RINGS) - 2;
  do
  :: op < OPS ->
     if
     :: ring[ACTIVE].tail - freed[ACTIVE] < ROOM -> goto write
     :: else
     fi;
     /* Full as far as known: look at the head. */
     atomic { h_turn = head_turn; h_position = head_position };
     d_step {
#ifdef REUSED_TOO_EARLY
       h_turn = h_turn + 1;
#endif
       do
       :: reclaimed < h_turn && reclaimed < turn ->
          r = ring_of[reclaimed % LISTED];
          freed[r] = ring[r].tail;
          free = free | (1 << r);
          reclaimed++
       :: else -> break
       od;
#ifdef POSITION_OF_ANOTHER_TURN
       if :: h_position <= ring[ACTIVE].tail -> freed[ACTIVE] = h_position :: else fi;
#else
       if :: h_turn == turn -> freed[ACTIVE] = h_position :: else fi;
#endif
       r = 0; h_turn = 0; h_position = 0
     };
     if
     :: ring[ACTIVE].tail - freed[ACTIVE] < ROOM -> goto write
     :: else
     fi;
     if
     :: free == 0 -> /* back-pressure: until the head moves */
        (head_turn > reclaimed || (head_turn == turn && head_position > freed[ACTIVE]));
        goto again
     :: else
     fi;
     d_step { do :: free & (1 << r) -> break :: else -> r++ od; free = free & ~(1 << r) };
#ifdef TURN_BEFORE_ITS_RING
     turn++;
     d_step { ring_of[turn % LISTED] = r; start_of[turn % LISTED] = ring[r].tail; r = 0 };
#else
     d_step { ring_of[(turn + 1) % LISTED] = r; start_of[(turn + 1) % LISTED] = ring[r].tail; r = 0 };
     turn++;
#endif
write:
     r = ACTIVE;
#ifdef TAIL_BEFORE_RECORD
     ring[r].tail++;
     ring[r].record[(ring[r].tail - 1) % ROOM] = op + 1;
#elif defined(SUBMITTED_BEFORE_TAIL)
     ring[r].record[ring[r].tail % ROOM] = op + 1;
     submitted++;
     ring[r].tail++;
#else
     ring[r].record[ring[r].tail % ROOM] = op + 1;
     ring[r].tail++;
#endif
#ifndef SUBMITTED_BEFORE_TAIL
     submitted++;
#endif
     atomic { r = 0; op++ };
again: skip
  :: else -> break
  od
}

proctype Reader() {
  byte h_sequence, h_turn, h_position; /* the head as read */
  byte t, p, sequence;                 /* where the reader is */
  byte latest, tail, r;
  bool bad;
#ifdef POP_BEFORE_COPY
  byte moved;
#endif
  do
  :: head_sequence == OPS -> break
  :: atomic {
#ifdef LANE_ALONE
       head_sequence != OPS && (turn != head_turn || ring[ring_of[head_turn % LISTED]].tail != head_position) ->
#else
       submitted != head_sequence ->
#endif
       h_sequence = head_sequence; h_turn = head_turn; h_position = head_position;
       sequence = h_sequence; t = h_turn; p = h_position };
     do
     :: bad || sequence - h_sequence == BATCH || !PUBLISHED(sequence) -> break
     :: !bad && sequence - h_sequence < BATCH && PUBLISHED(sequence) ->
next:
#ifdef TAIL_BEFORE_TURN
        tail = ring[ring_of[t % LISTED]].tail;
        latest = turn;
        r = ring_of[t % LISTED];
#else
        latest = turn;
        atomic { r = ring_of[t % LISTED]; tail = ring[r].tail };
#endif
        if
        :: latest - t >= LISTED -> bad = true
        :: latest - t < LISTED && p == tail && latest == t ->
#ifdef LANE_ALONE
           break
#else
           bad = true /* it was published, so it must be there */
#endif
        :: latest - t < LISTED && p == tail && latest != t ->
           atomic { t++; p = start_of[t % LISTED] };
           goto next
        :: latest - t < LISTED && p != tail -> /* copied, then judged */
           atomic {
             if
#ifdef POP_BEFORE_COPY
             :: true -> p++; sequence++; moved = r + 1; break
#else
             :: p > tail || tail - p > ROOM || ring[r].record[p % ROOM] != sequence + 1 -> bad = true
             :: p <= tail && tail - p <= ROOM && ring[r].record[p % ROOM] == sequence + 1 -> p++; sequence++
#endif
             fi
           }
        fi
     od;
     atomic {
       if
       :: head_sequence == h_sequence && head_turn == h_turn && head_position == h_position ->
          assert(!bad);
          head_sequence = sequence; head_turn = t; head_position = p
#ifdef POP_BEFORE_COPY
          if :: moved > 0 -> goto copy :: else fi
#endif
       :: else
       fi;
reset:
       h_sequence = 0; h_turn = 0; h_position = 0; t = 0; p = 0; sequence = 0; latest = 0; tail = 0; r = 0; bad = 0
     }
#ifdef POP_BEFORE_COPY
     moved = 0; goto over;
copy:
     assert(ring[r].record[(p - 1) % ROOM] == sequence);
     goto reset;
over: skip
#endif
  od
}

init {
  byte i = 0;
  atomic {
    run Writer();
    do
    :: i < READERS -> run Reader(); i++
    :: else -> break
    od
  }
}
