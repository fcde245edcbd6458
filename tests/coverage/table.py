#!/usr/bin/env python3
"""Branches that the tests take, per room, from what a coverage build counted. See docs/testing.md, "Coverage".

  tests/coverage/table.py BUILD_DIR ROOM...

Counted is every outcome of every decision that the code makes: each side of each condition, of each `&&`, `||` and `?:`,
each case of a switch. gcov calls more than that a branch, and marks it: behind each call that may throw, whether it
threw; and what only the compiler's cleaning up after an exception runs through. Those are left out, both sides of them,
so that a call that returns is no branch that was taken. Left out too are the lines of EXCLUDED.

Writes BUILD_DIR/branches.txt: every line with a branch not taken, with its text.
"""
import json
import os
import re
import subprocess
import sys
from collections import defaultdict

# What ends the process when an invariant is broken, what only test builds have, and comparisons that the compiler writes.
EXCLUDED = re.compile(r'\bTENURE_(CHECK|FAIL_POINT|FAIL_POINT_STATUS|SEEDED_BUG)\(|\) = default;')
# "        2:    4:text", "    $$$$$:    4-block 15", "branch 31 taken 0 (throw)"
LINE = re.compile(r'^ *(-|=+|#+|\d+)\*?: *(\d+):(.*)$')
BLOCK = re.compile(r'^ *([$%]+|\d+)\*?: *(\d+)-block +\d+$')
GCOV = ['gcov', '--branch-probabilities', '--branch-counts', '--stdout']


def run(data, *options):
    return subprocess.run([*GCOV, *options, data], capture_output=True, text=True, errors='replace',
                          cwd=os.path.dirname(data)).stdout


def cleanups(data):
    """{(source, line): [[which branches only an exception leads to, ...], ...]}: the text output alone tells."""
    found = defaultdict(list)
    source, current, exceptional = None, None, False
    for row in run(data, '--all-blocks').splitlines():
        if row.startswith('branch '):
            if current is not None:
                current.append(exceptional)
            continue
        if block := BLOCK.match(row):
            exceptional = block[1].startswith('$')
        elif line := LINE.match(row):
            current = None
            if line[2] == '0':
                if line[3].startswith('Source:'):
                    source = line[3][len('Source:'):]
            elif line[1] != '-':
                exceptional = line[1].startswith('=')
                current = []
                found[source, int(line[2])].append(current)
    return found


def decisions_of(branches, exceptional):
    """Pairs of outcomes, and cases of a switch. What a call that may throw does next are two branches: no decision."""
    decisions, at = [], 0
    while at < len(branches):
        end = at + 1
        while end < len(branches) and not branches[end]['fallthrough']:
            end += 1
        counts = [branch['count'] for branch in branches[at:end]]
        if not any(branch['throw'] for branch in branches[at:end]) and not any(exceptional[at:end]):
            decisions.append(counts)
        at = end
    return decisions


def gcov(data):
    """(source, function, line, ran, [decision, ...]) of each line of one object's functions."""
    text = run(data, '--json-format')
    if not text:
        return
    marked = cleanups(data)
    for file in json.loads(text)['files']:
        lines = defaultdict(list)
        for line in file['lines']:
            lines[line['line_number']].append(line)
        for number, instances in lines.items():
            # The text has the sum of several instances of a template first.
            texts = marked.get((file['file'], number), [])[-len(instances):]
            for i, line in enumerate(instances):
                branches = line['branches']
                fits = i < len(texts) and len(texts[i]) == len(branches)
                exceptional = texts[i] if fits else [False] * len(branches)
                yield (file['file'], line.get('function_name', ''), number, line['count'] > 0,
                       decisions_of(branches, exceptional))


def gather(build, rooms):
    """{file: {line: [ran, {function: [[count, ...], ...]}]}}, added up over all objects."""
    files = defaultdict(dict)
    root = os.getcwd() + '/'
    for directory, _, names in os.walk(build):
        if '/tests/' in directory + '/':
            continue  # a test's own copy of an inline function
        for name in names:
            if not name.endswith('.gcda'):
                continue
            for source, function, line, ran, decisions in gcov(os.path.join(os.path.abspath(directory), name)):
                path = source[len(root):] if source.startswith(root) else source
                if not any(path.startswith(room + '/') for room in rooms):
                    continue
                entry = files[path].setdefault(line, [False, {}])
                entry[0] = entry[0] or ran
                known = entry[1].setdefault(function, [])
                for number, counts in enumerate(decisions):
                    if number == len(known):
                        known.append([0] * len(counts))
                    known[number] = [a + b for a, b in zip(known[number], counts)]
    return files


def excluded_lines(path):
    """Lines of statements that EXCLUDED begins: up to the semicolon that ends them."""
    lines = set()
    inside = False
    for number, text in enumerate(open(path), 1):
        inside = inside or EXCLUDED.search(text) is not None
        if inside:
            lines.add(number)
        if inside and (';' in text or '{' in text):
            inside = False
    return lines


def gcovr_figures(build, room):
    """What gcovr itself says, or nothing where it has not run."""
    try:
        files = json.load(open(os.path.join(build, 'branches.json')))['files']
    except FileNotFoundError:
        return ''
    counts = [branch['count'] for file in files if file['file'].startswith(room + '/') for line in file['lines']
              if not line.get('gcovr/noncode') and not line.get('gcovr/excluded') for branch in line['branches']]
    return '%5.1f%%' % (100 * sum(count > 0 for count in counts) / max(len(counts), 1))


def main():
    build, rooms = sys.argv[1], sys.argv[2:]
    files = gather(build, rooms)
    missing = []
    print('%-16s %9s %9s %9s %9s %9s' % ('room', 'branches', 'taken', 'percent', 'lines', 'gcovr'))
    for room in rooms:
        branches = taken = lines = run = 0
        for path in sorted(files):
            if not path.startswith(room + '/'):
                continue
            skipped = excluded_lines(path)
            texts = open(path).read().splitlines()
            file_branches = file_taken = 0
            file_missing = []
            for number, (ran, functions) in sorted(files[path].items()):
                if number in skipped or number > len(texts):
                    continue
                lines += 1
                run += ran
                for function, decisions in functions.items():
                    for counts in decisions:
                        file_branches += len(counts)
                        file_taken += sum(count > 0 for count in counts)
                if any(0 in counts for decisions in functions.values() for counts in decisions):
                    shown = ' | '.join(' '.join('/'.join(map(str, counts)) for counts in decisions)
                                       for decisions in functions.values())
                    file_missing.append('  %4d: %s   [%s]' % (number, texts[number - 1].strip(), shown))
            branches += file_branches
            taken += file_taken
            if file_missing:
                missing.append('%s: %d of %d' % (path, file_taken, file_branches))
                missing += file_missing
        print('%-16s %9d %9d %8.1f%% %8.1f%% %9s' % (room, branches, taken, 100 * taken / max(branches, 1),
                                                     100 * run / max(lines, 1), gcovr_figures(build, room)))
    with open(os.path.join(build, 'branches.txt'), 'w') as out:
        out.write('\n'.join(missing) + '\n')


main()
