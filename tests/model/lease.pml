/* Leases in time: renewal, expiry and break by one compare-and-swap on the lease's word, while committers come and go
 * (store/ingest/lease_cells.cc, store/commit/lease_desk.cc, store/commit/decide_lease.cc).
 *
 * The word is {id, deadline, open or closed}. The holder of lease 1 renews it by a compare-and-swap from an open word
 * whose deadline has not passed by the clock that it read before; it also queues a write. A committer takes its
 * batch's time once, then decides on what it knows of the journal: that a lease is over only after closing the word,
 * a grant by putting its id there under its epoch; then it publishes, if it still has the epoch. It can be superseded, or stand
 * still, at any step, and goes on all the same.
 *
 * What must hold:
 *   excluded     no write under lease 1 is published behind the grant of lease 2, or after lease 1 was told to be over
 *   not revived  nobody is told "renewed" after somebody was told that the lease is over
 *   kept         a lease is told to have expired only when every deadline that its holder was told has passed
 *   not undone   whatever a committer does that was superseded, the word of what was granted last stays
 *
 * Mutants, each of which must violate one of them:
 *   EXPIRE_UNCLOSED    expiry is decided on a look at the deadline, without closing the word
 *   RENEW_BLIND        a renewal stores its deadline instead of comparing and swapping
 *   CLOSE_BLIND        closing is a store over the word that was looked at before
 *   CHECK_BY_WRITER    the write's lease is looked at by its writer, not when it is decided
 *   BREAK_UNCLOSED     a break does not close the word
 *   OLDER_EPOCH_WINS   a committer that was superseded may put its grant over a newer one
 *   ONLY_NEWER_IDS     a word is overwritten by higher ids only: a batch that came to nothing may have left one
 *   PUBLISH_UNFENCED   publishing does not ask for the epoch
 */
#ifndef CLOCK
#define CLOCK 2   /* the clock ends here */
#endif
#ifndef BATCHES
#define BATCHES 2 /* of each committer */
#endif
#ifndef COMMITTERS
#define COMMITTERS 2
#endif
#define TTL 1

#define OPEN 1
#define CLOSED 2

/* The word of shared memory. */
byte id = 1; byte deadline = TTL; byte state = OPEN; byte wrote = 0; /* epoch of who gave it its id */
byte clock = 0;

/* The journal: which lease is held. */
byte held = 1;              /* ids 2 to 4 come after it */
byte epoch = 0;             /* of the committer that may publish */
byte decided_over = 1;      /* the last lease that some committer, superseded or not, decided is over */
bool told_over = false;     /* somebody was told that lease 1 is over */
byte promised = TTL;        /* the latest deadline that the holder was told */
bool broken_before = false; /* a break closed the word, published or not */
bool write_queued = false;
bool write_valid = false;   /* what its writer saw */

#ifdef PUBLISH_UNFENCED
#define MAY_PUBLISH true
#else
#define MAY_PUBLISH (epoch == mine)
#endif

active proctype Holder() {
  byte d, s, i, now;
  do
  :: now = clock;
     atomic { i = id; d = deadline; s = state; }
     if
     :: i == 1 && s == OPEN && d > now ->
#ifdef RENEW_BLIND
        atomic { id = 1; deadline = now + TTL; state = OPEN; assert(!told_over); promised = now + TTL; }
#else
        atomic {
          if
          :: id == i && deadline == d && state == s ->
             deadline = now + TTL; assert(!told_over); promised = now + TTL
          :: else
          fi
        }
#endif
     :: else -> break
     fi
  :: atomic { !write_queued -> write_queued = true; write_valid = (id == 1 && state == OPEN && deadline > clock); }
  :: break
  od
}

active proctype Time() {
  do
  :: atomic { clock < CLOCK -> clock++ }
  :: break
  od
}

/* Is lease 1 over at `now`? Closes its word when it is. */
inline judge() {
  over = false;
#ifdef EXPIRE_UNCLOSED
  atomic { over = (id != 1 || state != OPEN || deadline <= now) }
#else
  do
  :: atomic { i = id; d = deadline; s = state; }
     if
     :: i != 1 || s != OPEN -> over = true; break
     :: i == 1 && s == OPEN && d > now -> break
     :: else ->
#ifdef CLOSE_BLIND
        atomic { id = 1; deadline = d; state = CLOSED; over = true; }
        break
#else
        atomic {
          if
          :: id == i && deadline == d && state == s -> state = CLOSED; over = true
          :: else
          fi
        }
        if
        :: over -> break
        :: else
        fi
#endif
     fi
  od
#endif
}

/* Gives the word to a lease: before its grant is published. */
#if defined(OLDER_EPOCH_WINS)
#define MAY_OVERWRITE true
#elif defined(ONLY_NEWER_IDS)
#define MAY_OVERWRITE (id <= newer)
#else
#define MAY_OVERWRITE (wrote <= mine)
#endif
inline install(newer) {
  /* load, then compare and swap, again when it changed: the same as one step, because only the last one counts */
  atomic {
    if
    :: MAY_OVERWRITE -> id = newer; deadline = now + TTL; state = OPEN; wrote = mine
    :: else                   /* superseded: nothing comes of this batch */
    fi
  }
}

proctype Committer(byte mine) {
  byte now, knows, i, d, s, batches, grant;
  bool over, broken;
  atomic {
    if
    :: epoch < mine -> epoch = mine    /* takes over: from here on no lower epoch publishes */
    :: else -> goto out
    fi
  }
  do
  :: batches == BATCHES -> break
  :: batches < BATCHES ->
     batches++;
     atomic { if :: epoch == mine -> knows = held; now = clock :: else -> goto out fi }
     broken = false;
     if
     :: write_queued ->                /* a write that presents lease 1 */
#ifdef CHECK_BY_WRITER
        over = !write_valid;
#else
        if
        :: knows == 1 -> judge()
        :: else -> over = true
        fi;
#endif
        atomic {
          if
          :: MAY_PUBLISH && !over -> assert(held == 1 && !told_over); write_queued = false
          :: MAY_PUBLISH && over && knows == 1 ->
             assert(broken_before || promised <= now); told_over = true; write_queued = false
          :: else
          fi
        }
     :: knows == 1 ->                  /* somebody else wants its scope */
        judge();
        if
        :: !over ->
           if
           :: skip                     /* it is held: refused */
           :: broken = true            /* or an administrator breaks it */
#ifndef BREAK_UNCLOSED
              ; atomic { if :: id == 1 -> state = CLOSED; broken_before = true :: else fi }
#endif
           fi
        :: else
        fi;
        if
        :: over || broken ->
           if :: grant = 2 :: grant = 3 fi;   /* the LSN depends on what else is in the batch */
           install(grant);
           atomic {
             if
             :: MAY_PUBLISH -> assert(broken || broken_before || promised <= now); held = grant; told_over = true
             :: else
             fi
           }
        :: else
        fi
     :: knows == 2 || knows == 3 ->    /* that lease ends, and the next one is granted in its place */
        grant = knows + 1;
        atomic { if :: decided_over < knows -> decided_over = knows :: else fi }
        install(grant);
        atomic { if :: MAY_PUBLISH -> held = grant :: else fi }
     :: knows > 3 -> break
     fi;
     atomic {
       if :: epoch == mine && held >= 2 && held > decided_over -> assert(id == held) :: else fi;
       i = 0; d = 0; s = 0; now = 0; knows = 0; grant = 0; over = false; broken = false
     }
  od;
out: skip
}

init {
  atomic {
    run Committer(1); run Committer(2);
#if COMMITTERS > 2
    run Committer(3);
#endif
  }
}
