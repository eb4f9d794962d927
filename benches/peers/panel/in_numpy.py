"""The questions of the bench target `permutation` in numpy, without a loop over replicates.

in_numpy.py PANEL REPLICATES: PANEL is the CSV file that the target wrote. Prints one JSON object; the times are those of
the replicates and what is counted from them, not of reading."""
import json
import sys
import time

import numpy

panel = numpy.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
replicates = int(sys.argv[2])
services = int(panel[:, 0].max()) + 1
treated = panel[panel[:, 2] == 0, 1].astype(bool)
is_after = panel[:, 2] >= panel[:, 2].max() // 2 + 1
# [services, (count before, sum before, count after, sum after)]
sums = numpy.zeros((services, 4))
for side, rows in enumerate((~is_after, is_after)):
    numpy.add.at(sums[:, 2 * side], panel[rows, 0].astype(int), panel[rows, 3])
    numpy.add.at(sums[:, 2 * side + 1], panel[rows, 0].astype(int), panel[rows, 4])
change = sums[:, 1] / sums[:, 0] - sums[:, 3] / sums[:, 2]
random = numpy.random.default_rng(1)


def permutation():
    """The difference of mean changes under the services dealt out to the arms anew."""
    first = int(treated.sum())
    observed = change[treated].mean() - change[~treated].mean()
    dealt = random.permuted(numpy.tile(change, (replicates, 1)), axis=1)
    total, own = change.sum(), dealt[:, :first].sum(axis=1)
    differences = own / first - (total - own) / (services - first)
    at_least = (numpy.abs(differences) >= abs(observed) - 1e-10).sum()
    return observed, (at_least + 1) / (replicates + 1)


def bootstrap():
    """The difference of the changes of the arms' pooled means, services drawn with replacement."""
    columns = numpy.hstack([sums * treated[:, None], sums * ~treated[:, None]])

    def statistic(rows):
        own, others = rows[..., :4], rows[..., 4:]
        fell = lambda part: part[..., 1] / part[..., 0] - part[..., 3] / part[..., 2]
        return fell(own) - fell(others)

    drawn = random.integers(0, services, (replicates, services))
    drawn += services * numpy.arange(replicates)[:, None]
    times = numpy.bincount(drawn.ravel(), minlength=replicates * services).reshape(replicates, services)
    found = statistic(times @ columns)
    return float(statistic(columns.sum(axis=0))), found.std(ddof=1)


answers = {}
for name, question in (("permutation", permutation), ("bootstrap", bootstrap)):
    start, used = time.perf_counter(), time.process_time()
    answer = question()
    answers[name] = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - used,
        "answer": [float(number) for number in answer],
    }
print(json.dumps(answers))
