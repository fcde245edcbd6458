/* Who wakes those who follow the change feed (store/ingest/feed_bell.h).
 *
 * Each of RINGERS committers publishes and rings PUBLICATIONS times, as slowly as it likes. A half one publishes and
 * dies, anywhere from there to the end of its ringing. A last one publishes and rings. Each of FOLLOWERS looks and sleeps
 * until it has seen what the last one published. One more follower may die with what it has said of itself left behind.
 *
 * Checked: nobody sleeps for ever on something that the last one or anybody before it published (a state without moves is
 * a violation; no sleep ends by itself). Once the last ringer has rung, a further ring without a publication, of somebody who
 * sees no living sleeper, makes no call: a dead follower costs one call at most.
 *
 * A futex: going to sleep looks at the word and sleeps in one step. docs/models.md maps steps to functions.
 *   spin -a feed.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m20000
 *   by hand: spin -DRINGERS=2 -a …, or -DFOLLOWERS=2
 */
#ifndef RINGERS
#define RINGERS 1
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 1
#endif
#ifndef FOLLOWERS
#define FOLLOWERS 1
#endif
#define SLEEPERS (FOLLOWERS + 1) /* and the one that may die */
#define NEVER 255

byte published = 0;
byte turn = 0, wanted = 0, woken = 0;
byte target = NEVER; /* what the last one published */
bool asleep[SLEEPERS];
byte running = RINGERS + 1; /* who may still ring */
byte following = SLEEPERS;

inline RaiseTo(word, value) {
  if
  :: value > word -> word = value
  :: else
  fi
}

#if FOLLOWERS > 1
#define WakeAll() d_step { asleep[0] = false; asleep[1] = false; asleep[2] = false }
#else
#define WakeAll() d_step { asleep[0] = false; asleep[1] = false }
#endif

/* w, t: locals of the caller. */
inline Ring() {
  w = wanted;
  if
  :: w > woken ->
#ifdef NO_TURN
     t = turn;
#elif defined(WAKE_BEFORE_TURN)
     WakeAll();
     atomic { turn = turn + 1; t = turn };
#else
     atomic { turn = turn + 1; t = turn };
#endif
#ifdef WOKEN_BEFORE_WAKE
     atomic { RaiseTo(woken, t) };
#endif
#ifndef WAKE_BEFORE_TURN
     WakeAll();
#endif
#ifdef WOKEN_IS_TURN
     woken = turn; /* what somebody else made of it meanwhile */
#else
     atomic { RaiseTo(woken, t) };
#endif
     t = 0
  :: else
  fi;
  w = 0
}

proctype Ringer() {
  byte w, t, n;
  do
  :: n < PUBLICATIONS ->
     n++;
#ifdef RING_BEFORE_PUBLISH
     Ring();
     published++;
#else
     published++;
     Ring()
#endif
  :: else -> break
  od;
  running--
}

/* One that dies between the turn and the call, or between the call and saying so. */
proctype HalfRinger() {
  byte w, t;
  published++;
  w = wanted;
  if
  :: w > woken ->
     atomic { turn = turn + 1; t = turn };
#ifdef WOKEN_BEFORE_WAKE
     atomic { RaiseTo(woken, t) };
#endif
     if
     :: WakeAll()
     :: skip
     fi
  :: else
  fi;
  running--
}

proctype Last() {
  byte w, t;
#ifdef RING_BEFORE_PUBLISH
  Ring();
  atomic { published++; target = published };
#else
  atomic { published++; target = published };
  Ring();
#endif
  /* Everybody who lives has seen everything: what a dead one left behind costs one call, not one for ever. */
  running == 0 && following == 0;
  Ring();
  t = turn;
  Ring();
  assert(turn == t)
}

proctype Follower(byte me; bool mortal) {
  byte seen, t;
  do
  :: seen = published;
     if
     :: seen >= target -> break
     :: else
     fi;
#ifdef TURN_AFTER_LOOK
     if
     :: published != seen -> goto again
     :: else
     fi;
#endif
     t = turn;
#ifdef LOOK_BEFORE_WANTED
     if
     :: published != seen -> goto again
     :: else
     fi;
#endif
     atomic { RaiseTo(wanted, t + 1) };
     if
     :: mortal -> break
     :: skip
     fi;
#if !defined(TURN_AFTER_LOOK) && !defined(LOOK_BEFORE_WANTED)
     if
     :: published != seen -> goto again
     :: else
     fi;
#endif
     atomic {
       if
       :: turn == t -> asleep[me] = true
       :: else
       fi;
       t = 0; seen = 0
     };
     !asleep[me];
again:
     t = 0
  od;
  following--
}

init {
  byte i;
  atomic {
    for (i : 1 .. RINGERS) { run Ringer() }
    run HalfRinger();
    run Last();
    for (i : 1 .. FOLLOWERS) { run Follower(i - 1, false) }
    run Follower(FOLLOWERS, true)
  }
}
