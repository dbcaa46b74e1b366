"""Who was held up for how long by a fault of etcd, and whether reads and watches told the truth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise, product

from judging import Judge

KINDS = ("commit", "read", "event")


@dataclass(slots=True)
class EtcdJudge(Judge):
    """Reads the journals of `EtcdWorker` too; the times are those since `begin`.

    :param watchers: names of the processes that watch.
    :param successes: by kind and thread, when something succeeded.
    """

    watchers: tuple[str, ...] = ()
    successes: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    blind: list[str] = field(default_factory=list)
    _now: float = 0.0
    _acknowledged: dict[tuple[str, int], float] = field(default_factory=dict)
    _promised: dict[tuple[str, int], int] = field(default_factory=dict)
    _seen: list[tuple[str, int, float]] = field(default_factory=list)
    _events: list[tuple[str, tuple[str, int], float]] = field(default_factory=list)
    _watched: dict[str, int] = field(default_factory=dict)
    _furthest: dict[str, int] = field(default_factory=dict)
    _checks: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget the times so far."""
        for times in self.successes.values():
            times.clear()
        newest = dict(sorted(self._acknowledged))
        self._acknowledged = {each: self._acknowledged[each] for each in newest.items()}
        self._events.clear()
        self._seen.clear()
        self._promised.clear()
        self.blind.clear()

    def ready(self, since: float) -> dict[str, float] | None:
        """Return by kind how long after ``since`` each thread had succeeded; None: not each has yet.

        An event counts that tells of a beat that was acknowledged later than that.
        """
        found = dict.fromkeys(KINDS, 0.0)
        for (kind, _who), times in self.successes.items():
            after = min((at for at in times if at >= since), default=None)
            if after is None:
                return None
            found[kind] = max(found[kind], after - since)
        committing = {who.partition(".")[0] for kind, who in self.successes if kind == "commit"}
        for pair in product(self.watchers, committing):
            heard = [
                at
                for watcher, beat, at in self._events
                if (watcher, beat[0]) == pair and self._acknowledged.get(beat, 0.0) >= since
            ]
            if not heard:
                return None
            found["event"] = max(found["event"], min(heard) - since)
        return found

    def longest_pause(self, since: float, until: float) -> float:
        """Return for how long a committing thread at most had no success between two times."""
        longest = 0.0
        for (kind, _who), times in self.successes.items():
            if kind == "commit":
                inside = [since, *(at for at in times if since < at < until), until]
                pauses = [after - before for before, after in pairwise(inside)]
                longest = max(longest, *pauses)
        return longest

    def judge_times(self) -> None:
        """All journals were heard to the same time: hold reads and events against what was acknowledged."""
        for name, number, began in self._seen:
            known = [n for (who, n), at in self._acknowledged.items() if who == name and at < began]
            assert number >= max(known, default=0), f"read {name} {number}, known were {known[-3:]}"
        for watcher, furthest in self._furthest.items():
            for (name, number), commit in self._promised.items():
                told = self._checks.get(commit, ("", ()))[1]
                missing = commit <= furthest and f"{name}:{number}" not in told
                assert not missing, f"{watcher} was not told of {name} {number}, commit {commit}"

    def _at(self, now: str) -> None:
        self._now = float(now)

    def _success(self, kind: str, who: str) -> None:
        self.successes[kind, who].append(self._now)

    def _done(self, writer: str, number: str, commit: str) -> None:
        Judge._done(self, writer, number, commit)
        self._success("commit", writer)

    def _refused(self, line: str) -> None:
        Judge._refused(self, line)
        self._success("commit", f"{line.partition('-')[0]}.count")

    def _counted(self, line: str, value: str, commit: str) -> None:
        Judge._counted(self, line, value, commit)
        self._success("commit", f"{line.partition('-')[0]}.count")

    def _beating(self, name: str, number: str) -> None:
        pass

    def _beat(self, name: str, number: str, commit: str) -> None:
        self._acknowledged[name, int(number)] = self._now
        self._promised[name, int(number)] = int(commit)
        self._success("commit", f"{name}.beat")

    def _saw(self, reader: str, name: str, number: str, began: str) -> None:
        self._seen.append((name, int(number), float(began)))
        self._success("read", reader)

    def _blind(self, name: str, *words: str) -> None:
        self.blind.append(f"{name}: {' '.join(words)}")

    def _watching(self, watcher: str, after: str) -> None:
        self._watched[watcher] = int(after)

    def _event(self, watcher: str, number: str, check: str, *beats: str) -> None:
        commit = int(number)
        assert commit == self._watched[watcher] + 1, (
            f"{watcher} was told of {commit} after {self._watched[watcher]}"
        )
        self._watched[watcher] = commit
        self._furthest[watcher] = max(commit, self._furthest.get(watcher, 0))
        told = self._checks.setdefault(commit, (check, beats))
        assert told == (check, beats), f"commit {commit} was told as {told} and {(check, beats)}"
        for beat in beats:
            name, _, count = beat.partition(":")
            self._events.append((watcher, (name, int(count)), self._now))
