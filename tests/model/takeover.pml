/* Who may publish, pop and answer: takeover and clean hand-over of the commit lease, with zombies everywhere.
 *
 * One writer submits NOPS operations, one at a time: through its lane, whose single completion cell is used again and
 * again, or in line, by its own process HOME without a lane. PROCESSES compete for the lease. Each claims it when it was
 * released, takes it over at any moment, commits, releases, fails a write, finds its batch too old, is delayed for ever
 * or dies; HOME alone never dies and has the last epoch for itself, so the writer must always finish: a state without
 * moves is a violation. Decisions are not repeatable: any committer may accept or refuse an operation. Write and
 * sync are two steps, a segment's name and the sync of its directory too. Of what a failed sync leaves behind nobody
 * can say whether it is there.
 *
 * Checked at every moment, as if power failed there (any mix of what was not synced; shared memory lost):
 *   the journal holds operations in order, none twice; told "committed": it is there; told "refused": it is not;
 *   the chain of segments is whole, the index is a prefix of the journal.
 * Checked with each answer: a refusal was decided on all that was published before the operation was submitted.
 *
 * A step is an atomic block: one load, one compare-and-swap, one write or one sync. docs/models.md maps steps to
 * functions and says what each mutant (spin -DMUTANT) breaks; CMakeLists.txt lists them all.
 * Left out: several operations per batch, several lanes, sleeping (lanes.pml), the values beside a completion word, the
 * segments of one epoch beyond the first, the kernel lock that keeps appliers apart.
 *   spin -a takeover.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m20000
 *   by hand: spin -DNOPS=3, -DPROCESSES=3 -DNEPOCH=3, -DTURNS=2
 */
#include "takeover_words.pml"

proctype Writer() {
  byte op = 0;
  do
  :: op < NOPS ->
    if
    :: atomic { asked = durable; direct_op = op; direct = PENDING };
       atomic {
         direct != PENDING && direct != TAKEN ->
         if
         :: direct == NOT_APPLIED -> direct = NONE
         :: else -> told[op] = direct; direct = NONE; op++; goto next
         fi
       }
    :: atomic { asked = durable }
    fi;
push:
    atomic { /* MarkPending, the record */
      op_of[submitted] = op;
      cell_key = KEY(submitted);
      cell = PENDING
    };
    submitted++;
    atomic {
      cell != PENDING ->
      if
      :: cell == NOT_APPLIED -> cell = NONE; goto push
      :: else -> told[op] = cell; cell = NONE; op++
      fi
    };
next: skip
  :: else -> break
  od;
  finished = true
}

#define MAY_FAIL (e + 1 < NEPOCH) /* HOME can still take over from here */
#define MORTAL (me != HOME)

proctype Process(byte me) {
  byte e, d, s, q, r, c, seen, turn;
  bool refuse, in_line, published;
#ifdef STALE_POSITION
  byte left_epoch, left_at;
#endif
#ifdef POP_AS_READ
  byte head_seen;
#endif
again:
  atomic { e = 0; d = 0; s = 0; q = 0; r = 0; c = 0; seen = 0; refuse = 0; in_line = 0; published = 0 };
  if
  :: atomic { lease_owner == NOBODY && (!MORTAL || turn < TURNS) ->
       lease_owner = me; e = lease_epoch; if :: MORTAL -> turn++ :: else fi };
     atomic { if :: durable_epoch != e -> goto again :: else -> d = durable fi };
#ifdef STALE_POSITION
     if :: left_epoch == e -> d = left_at :: else fi;
#endif
     /* OpenWriter: the newest segment in the directory, which may be a successor's already. */
     atomic { Newest(s); if :: seg[s].base > d -> goto fenced :: else fi }
  :: atomic { lease_owner != me && (lease_epoch + 2 < NEPOCH || (me == HOME && lease_epoch + 1 < NEPOCH)) ->
       lease_epoch++; lease_owner = me; e = lease_epoch };
     atomic { if :: beat_epoch < e -> beat_epoch = e :: else fi };
#ifdef SEAL_FIRST
     d = durable;
     Restamp();
#else
     Restamp();
     d = durable;
#endif
     atomic { if :: head_epoch > e -> goto fenced :: else -> head_epoch = e fi };
     Seal();
     ResolveLanes()
  :: atomic { me == HOME && direct == PENDING -> direct = NOT_APPLIED; goto again } /* could not lead */
  :: finished -> goto end
  :: MORTAL -> goto end
  fi;

batch:
  atomic { q = 0; r = 0; refuse = 0; in_line = 0; published = 0 };
  if
  :: finished -> goto end
  :: MORTAL -> goto end
  :: MAY_FAIL -> goto release
  :: atomic { /* drained from the lane; decided on the journal up to d */
       submitted > head -> q = head;
#ifdef POP_AS_READ
       head_seen = head_epoch;
#endif
       if :: true :: refuse = true fi
     }
  :: atomic { me == HOME && direct == PENDING && submitted == head -> direct = TAKEN; in_line = true;
       if :: true :: refuse = true fi }
  fi;
  if
  :: refuse -> goto answer
  :: else
  fi;
#ifndef NO_BEAT
  Beat();
#endif
  d_step { /* write */
    c = d - seg[s].base;
    if
    :: in_line -> seg[s].op[c] = direct_op; seg[s].origin[c] = IN_LINE
    :: else -> seg[s].op[c] = op_of[q]; seg[s].origin[c] = q
    fi;
    if :: seg[s].used < c + 1 -> seg[s].used = c + 1 :: else fi;
    c = 0
  };
#ifdef RELEASE_BUSY
  atomic { if :: lease_epoch == e && lease_owner == me -> lease_owner = NOBODY :: else fi };
#endif
  if
  :: MORTAL -> goto end
#ifdef SYNC_RETRIED
  :: MAY_FAIL -> skip /* the second sync has nothing to do, and says so */
#else
  :: MAY_FAIL -> goto broken
#endif
  :: true ->
#ifndef NO_SYNC
     seg[s].synced = seg[s].used
#endif
  fi;
#ifdef APPLY_EARLY
  if :: in_line -> ApplyRow(d, direct_op) :: else -> ApplyRow(d, op_of[q]) fi;
#endif
  if
  :: MAY_FAIL -> goto fenced /* too old by now */
  :: true
  fi;
#ifdef NO_PUBLISH
  durable = d + 1;
#else
  atomic { if :: durable_epoch == e && durable == d -> durable = d + 1 :: else -> goto fenced fi };
#endif
  d++;
  published = true;
  if
  :: MORTAL -> goto end
  :: true
  fi;
answer:
  r = durable;
  if
  :: in_line ->
     Resolve(r);
     Told((refuse -> REFUSED : COMMITTED))
  :: else ->
#ifdef RESOLVED_BEFORE_ANSWERS
     Resolve(r);
#endif
#ifndef ANSWER_BEFORE_POP
     Pop();
     if
     :: MORTAL -> goto end
     :: true
     fi;
     Beat();
#endif
     Complete(KEY(q), (refuse -> REFUSED : COMMITTED), d);
#ifdef ANSWER_BEFORE_POP
     Pop();
#endif
#ifndef RESOLVED_BEFORE_ANSWERS
     Resolve(r)
#endif
  fi;
  Apply();
  goto batch;

release:
#ifdef STALE_POSITION
  left_epoch = e; left_at = d;
#endif
#ifdef PLAIN_RELEASE
  lease_owner = NOBODY;
#else
  atomic { if :: lease_epoch == e && lease_owner == me -> lease_owner = NOBODY :: else fi };
#endif
  goto again;

broken: /* nobody knows what the disk holds */
  if
#ifdef UNKNOWN_AS_REFUSED
  :: in_line -> Told(REFUSED)
#else
  :: in_line -> Told(UNKNOWN)
#endif
  :: else
  fi;
  goto abandon;

fenced: /* what was published counts; anything else is void */
  if
#ifdef ANSWERED_UNPUBLISHED
  :: in_line && !refuse -> Told(COMMITTED)
  :: in_line && refuse -> Told(NOT_APPLIED)
#elif defined(SUBMITTED_AGAIN_PUBLISHED)
  :: in_line -> Told(NOT_APPLIED)
#elif defined(REFUSED_UNFENCED)
  :: in_line && refuse -> Told(REFUSED)
  :: in_line && !refuse -> Told((published -> COMMITTED : NOT_APPLIED))
#else
  :: in_line -> Told((published -> COMMITTED : NOT_APPLIED))
#endif
  :: else
  fi;
abandon: /* a new epoch and its seal, before anybody goes on */
#ifdef FAILED_AND_RELEASED
  atomic { if :: lease_epoch == e && lease_owner == me -> lease_owner = NOBODY :: else fi };
#else
  atomic { if :: lease_epoch == e && lease_owner == me -> lease_owner = ABANDONED :: else fi };
#endif
  goto again;
end:
  skip
}

/* Power fails, once, at any moment; shared memory is lost. What does recovery find? */
proctype Power() {
  byte e, c, l, n, last;
  atomic {
    e = NEPOCH - 1;
    do
    :: seg[e].name == 2 -> break
    :: seg[e].name == 1 -> break /* unsynced, and there all the same */
    :: seg[e].name < 2 -> e--
    od;
    n = seg[e].used;
    do
    :: n > seg[e].synced -> n--
    :: break
    od;
    n = n + seg[e].base;
    c = e;
    do
    :: c > 1 -> assert(seg[seg[c].prev].name == 2 && seg[seg[c].prev].synced >= seg[c].sealed); c = seg[c].prev
    :: else -> break
    od;
    do
    :: l < n ->
      c = e; Find(l);
      c = seg[c].op[l - seg[c].base];
      assert(c >= last && told[c] != REFUSED);
      do
      :: last < c -> assert(told[last] != COMMITTED); last++
      :: else -> break
      od;
      last = c + 1;
      assert(l >= applied || row[l] == c);
      l++
    :: else -> break
    od;
    do
    :: last < NOPS -> assert(told[last] != COMMITTED); last++
    :: else -> break
    od;
    assert(applied <= n)
  }
}

init {
  byte i = 0;
  atomic {
    seg[1].name = 2;
    run Writer();
    do
    :: i < PROCESSES -> i++; run Process(i)
    :: else -> break
    od;
    run Power();
    i = 0
  }
}
