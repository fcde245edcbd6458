/* Cells of leases that are used again, over takeovers (store/ingest/lease_cells.cc, store/commit/lease_desk.cc).
 *
 * One cell. The journal says which lease is held, 0: none; lease 1 is, at the beginning, and its time never passes. A
 * committer decides batches on what it knows, the batches before them included, up to two ahead of what is published:
 * a release makes the cell's word *ending*; a grant, when the lease before it has ended, takes the cell; whoever looks
 * at a lease that is held and finds its word *ending* opens it again, for that release came to nothing. Another
 * committer may take over at any step, and the old one goes on until it fails to publish.
 *
 * What must hold: whoever may publish, and looks at a lease that the journal says is held, finds its cell. (Else the
 * lease is over before its time.)
 *
 * Mutants, each of which must violate it:
 *   NO_STAMP            a takeover leaves the cells as they are
 *   GRANT_INTO_ENDING   a grant takes a cell whose lease is ending and may be opened again
 *   OLDER_EPOCH_WINS    a grant takes a cell of a later epoch
 */
#ifndef COMMITTERS
#define COMMITTERS 3
#endif
#ifndef STEPS
#define STEPS 4     /* that a committer decides */
#endif

#define CLOSED 0
#define OPEN 1
#define ENDING 2

/* The cell. */
byte id = 1; byte state = OPEN; byte wrote = 0;

byte held = 1;      /* by the journal */
byte epoch = 0;     /* of who may publish */
byte lsn = 1;       /* of the last batch that counts */

#ifdef OLDER_EPOCH_WINS
#define MAY_TAKE true
#else
#define MAY_TAKE (wrote <= mine)
#endif
#ifdef GRANT_INTO_ENDING
#define SETTLED true
#else
#define SETTLED (state != ENDING)
#endif

/* The oldest batch on its way. The end of a lease is confirmed behind its publication. */
inline publish() {
  atomic {
    if
    :: epoch == mine -> held = after[0]; gone = ended[0]; lsn++
    :: else -> goto out             /* superseded: it remembers nothing, and is a writer like others */
    fi;
    after[0] = after[1]; ended[0] = ended[1]; after[1] = 0; ended[1] = 0; flying--
  }
  atomic { if :: gone != 0 && id == gone && state == ENDING -> state = CLOSED :: else fi; gone = 0 }
}

proctype Committer(byte mine) {
  byte view, at, steps, flying, gone;
  byte after[2], ended[2];
  bool settled;
  atomic {
    if
    :: epoch < mine -> epoch = mine; view = held; at = lsn
    :: else -> goto out
    fi
  }
#ifndef NO_STAMP
  atomic {
    if
    :: wrote > mine
    :: wrote <= mine && id == view -> wrote = mine
    :: wrote <= mine && id != view -> id = 0; state = CLOSED; wrote = mine
    fi
  }
#endif
  do
  :: flying > 0 -> publish()
  :: flying == 0 && steps == STEPS -> break
  :: steps < STEPS && flying < 2 && view != 0 ->       /* a release */
     atomic {
       steps++; at++;
       if :: id == view && state == OPEN && wrote <= mine -> state = ENDING :: else fi;
       after[flying] = 0; ended[flying] = view; flying++; view = 0
     }
  :: steps < STEPS && flying < 2 && view == 0 ->       /* a grant; without a cell that it may take, none */
     atomic { steps++; settled = SETTLED }
     if
     :: settled ->
        /* Its id is its LSN: that of a batch that came to nothing comes again, from a successor. */
        atomic {
          at++;
          if :: MAY_TAKE -> id = at; state = OPEN; wrote = mine :: else fi;
          after[flying] = at; ended[flying] = 0; flying++; view = at; settled = false
        }
     :: else
     fi
  :: steps < STEPS && view != 0 ->                     /* a look, for a write or a renewal */
     atomic {
       steps++;
       if
       :: id == view && state == ENDING && wrote <= mine -> state = OPEN
       :: id == view && state == OPEN
       :: else -> assert(epoch != mine || held != view)
       fi
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
