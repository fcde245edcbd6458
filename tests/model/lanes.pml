/* Who wakes whom: lanes, the committing thread that sleeps, writers that sleep, and the lease passed on cleanly.
 *
 * Each of WRITERS threads submits OPS operations: in line, if nothing of it is in its lane and it gets the lease; else
 * through its lane, up to WINDOW at a time, and waits. Process p holds writer p (further writers belong to process 0).
 * Processes below KEEPERS have a committing thread, which keeps the lease while there is work, then sleeps on `work`
 * and, when its time to linger is over, releases; the others release after each turn.
 *
 * Checked: operations commit in the order submitted, each once; an answer is for an operation that was committed; nobody
 * sleeps for ever while an operation is not answered (a state without moves is a violation). No sleep ends by itself: a
 * wake-up that only a time limit would make good is a violation. Lingering may end or not.
 *
 * A futex: going to sleep looks at the word and sleeps in one step; of `done_turn` only "has it changed since I loaded
 * it" is kept. A step is an atomic block. docs/models.md maps steps to functions.
 * Left out: takeover (takeover.pml), rings (rings.pml), the lease asked for by threads without a slot, asynchronous
 * operations that nobody waits for: their process looks at them by the clock.
 *   spin -a lanes.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m200000
 *   by hand: spin -DWRITERS=3 -a …, or -DOPS=3
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef KEEPERS
#define KEEPERS 2
#endif
#ifndef OPS
#define OPS 2 /* of writer 0 */
#endif
#ifndef OPS_OTHERS
#define OPS_OTHERS OPS
#endif
#define OPS_OF(w) (w == 0 -> OPS : OPS_OTHERS)
#ifndef WINDOW
#define WINDOW 2
#endif
#define PROCESSES 2
#define NOBODY 9
#define BUSY 0
#define IDLE 1

/* Shared memory. */
byte owner = NOBODY;
bit work = BUSY;
byte submitted[WRITERS], head[WRITERS], answered[WRITERS];
bit waiting[WRITERS];
typedef Lane { byte op[OPS] }
Lane lane[WRITERS];

/* The kernel's side of the futexes. */
bool changed[WRITERS]; /* done_turn, since writer w loaded it */
bool asleep[WRITERS];
bool dozing[PROCESSES]; /* on work */

/* Each process's own. */
bool locked[PROCESSES]; /* commit_mutex_ */
bool held[PROCESSES];
bool woken[PROCESSES];  /* loop_woken_ */

byte committed[WRITERS]; /* what the journal holds */

inline AnyWork() {
  any = false;
  i = 0;
  do
  :: atomic { i < WRITERS -> if :: submitted[i] != head[i] -> any = true :: else fi; i++ }
  :: atomic { i == WRITERS -> i = 0; break }
  od
}

inline WakeDozing() {
#ifdef WAKE_ONE
  atomic {
    if
    :: dozing[0] -> dozing[0] = false
    :: dozing[1] -> dozing[1] = false
    :: else
    fi
  }
#else
  d_step { dozing[0] = false; dozing[1] = false }
#endif
}

/* Whoever ends kIdle wakes everybody who sleeps on it. */
inline SetBusy() {
  if
  :: atomic { work == IDLE -> work = BUSY }; WakeDozing()
  :: atomic { work != IDLE -> work = BUSY }
  fi
}
/* The committing thread, awake again. */
inline Awake() {
#ifdef QUIET_BUSY
  work = BUSY
#else
  SetBusy()
#endif
}

inline Nudge() {
  if
  :: work == IDLE -> SetBusy()
  :: work != IDLE
  fi
}

/* One turn of done_turn, one system call for all writers in mask. */
inline Wake() {
#ifdef WAKE_BEFORE_TURN
  d_step { do :: i < WRITERS -> if :: mask & (1 << i) -> asleep[i] = false :: else fi; i++ :: else -> break od; i = 0 };
#endif
#ifndef NO_TURN
  d_step { do :: i < WRITERS -> changed[i] = true; i++ :: else -> break od; i = 0 };
#endif
#ifndef WAKE_BEFORE_TURN
  d_step { do :: i < WRITERS -> if :: mask & (1 << i) -> asleep[i] = false :: else fi; i++ :: else -> break od; i = 0 };
#endif
  mask = 0
}
inline WakeAllWaiters() {
  mask = 255;
  Wake()
}

/* Whose waiting count is raised, among the lanes in took. */
inline LookAtWaiting() {
  do
  :: atomic { i < WRITERS -> if :: (took & (1 << i)) && waiting[i] -> mask = mask | (1 << i) :: else fi; i++ }
  :: atomic { i == WRITERS -> i = 0; break }
  od
}

/* Drain, decide, publish, pop; answer; look at waiting; wake. direct_: with this thread's own operation. */
inline CommitBatch(direct_) {
  do
  :: atomic {
       i < WRITERS ->
       do
       :: head[i] < submitted[i] ->
          assert(lane[i].op[head[i]] == committed[i]);
          committed[i]++;
          head[i]++;
          took = took | (1 << i)
       :: else -> break
       od;
       i++
     }
  :: atomic { i == WRITERS -> i = 0; break }
  od;
  atomic { if :: direct_ -> assert(committed[w] == op); committed[w]++ :: else fi };
#ifdef WAITING_BEFORE_ANSWER
  LookAtWaiting();
#endif
  do
  :: atomic { i < WRITERS -> answered[i] = head[i]; i++ }
  :: atomic { i == WRITERS -> i = 0; break }
  od;
#ifndef WAITING_BEFORE_ANSWER
  LookAtWaiting();
#endif
  took = 0;
  if
  :: mask != 0 -> Wake()
  :: else
  fi
}

/* Behind the last batch of a thread, with the lease and the mutex held. */
inline LeaveLocked() {
  do
  :: !held[me] -> break
  :: else ->
     any = false;
     if
     :: me < KEEPERS -> AnyWork()
     :: else
     fi;
     if
     :: any ->
#ifndef LOOP_NOT_WOKEN
        woken[me] = true;
#endif
        break
     :: else
     fi;
     atomic { held[me] = false; owner = NOBODY };
#ifndef NO_LOOK_AFTER_RELEASE
     AnyWork();
#endif
     if
     :: !any -> break
     :: any && me >= KEEPERS -> WakeAllWaiters(); break
     :: any && me < KEEPERS -> atomic { if :: owner == NOBODY -> owner = me; held[me] = true :: else fi }
     fi
  od;
  any = false
}

inline Push() {
  d_step { lane[w].op[submitted[w]] = op; op++ };
#ifdef LOOK_BEFORE_PUSH
  Nudge();
  submitted[w]++
#else
  submitted[w]++;
  Nudge()
#endif
}

proctype Writer(byte w, me) {
  byte op, read; /* operations submitted; answers read, of those in the lane */
  byte i, took, mask;
  bool any, direct;

next:
  if
  :: read < submitted[w] && answered[w] > read -> read++; goto next
  :: read < submitted[w] && answered[w] <= read && owner != NOBODY -> goto wait
  :: read < submitted[w] && answered[w] <= read && owner == NOBODY -> direct = false
  :: op < OPS_OF(w) && submitted[w] - read < WINDOW -> Push(); goto next
  :: op < OPS_OF(w) && submitted[w] == read -> direct = true
  :: op == OPS_OF(w) && submitted[w] == read -> goto done
  fi;

  /* TryLead. */
  if
  :: atomic { !locked[me] -> locked[me] = true }
  :: else -> goto led
  fi;
  if
  :: held[me]
  :: atomic { !held[me] && owner == NOBODY -> owner = me; held[me] = true }
  :: atomic { !held[me] && owner != NOBODY -> locked[me] = false; goto led }
  fi;
  CommitBatch(direct);
  atomic { if :: direct -> op++; direct = false :: else fi };
  LeaveLocked();
  locked[me] = false;
  goto next;
led: /* did not lead */
  if
  :: direct -> direct = false; Push(); goto next
  :: else
  fi;

wait:
#ifdef CELL_BEFORE_WAITING
  any = answered[w] > read;
#endif
  waiting[w] = true;
#ifdef TURN_AFTER_CELL
  any = answered[w] > read;
  changed[w] = false;
#else
  changed[w] = false;
#ifndef CELL_BEFORE_WAITING
  any = answered[w] > read;
#endif
#endif
#ifndef NO_LOOK_AT_OWNER
  any = any || owner == NOBODY;
#endif
  if
  :: any
  :: else ->
     atomic { if :: changed[w] :: else -> asleep[w] = true fi };
     !asleep[w]
  fi;
  waiting[w] = false;
  any = false;
  goto next;
done:
  assert(committed[w] == OPS_OF(w))
}

/* Group's committing thread. */
proctype Loop(byte me) {
  byte i, took, mask, w, op;
  bool any, timed;
end:
  do
  :: atomic { woken[me] -> woken[me] = false };
     atomic { !locked[me] -> locked[me] = true };
     if
     :: held[me]
     :: !held[me] -> AnyWork();
        if
        :: atomic { any && owner == NOBODY -> owner = me; held[me] = true }
        :: atomic { else }
        fi
     fi;
     do
     :: !held[me] -> break
     :: else ->
        AnyWork();
        if
        :: any -> CommitBatch(false)
        :: else ->
           work = IDLE;
#ifndef NO_LOOK_AFTER_IDLE
           AnyWork();
#endif
           if
           :: any -> Awake()
           :: else ->
              locked[me] = false;
              atomic { if :: true :: timed = true fi; if :: work == IDLE -> dozing[me] = true :: else -> timed = false fi };
end_doze:     if
              :: !dozing[me] -> timed = false
              :: atomic { timed && dozing[me] -> dozing[me] = false }
              fi;
              atomic { !locked[me] -> locked[me] = true };
              Awake();
              if
              :: held[me] && timed -> AnyWork(); if :: any :: else -> LeaveLocked(); break fi
              :: else
              fi;
              timed = false
           fi
        fi
     od;
     atomic { timed = false; any = false; locked[me] = false }
  od
}

init {
  byte i = 0;
  atomic {
    do
    :: i < WRITERS -> run Writer(i, (i < PROCESSES -> i : 0)); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < KEEPERS -> run Loop(i); i++
    :: else -> break
    od
  }
}
