package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jspecify.annotations.Nullable;

/** Runs as a table: current use of a running one, the mean or peak of an ended one; tasks of an array as one row. */
final class JobList {
    private static final List<String> HEADINGS = List.of("Job", "Name", "User", "State", "Started", "Time", "CPUs",
            "Memory",
            "GPUs");

    private JobList() {
    }

    static Html of(Links links, String caption, List<Job> jobs) {
        return table(links, caption, folded(jobs));
    }

    /** Each task of an array by itself. */
    static Html unfolded(Links links, String caption, List<Job> jobs) {
        return table(links, caption, jobs.stream().map(List::of).toList());
    }

    private static Html table(Links links, String caption, List<List<Job>> rows) {
        return rows.isEmpty()
                ? element("p", css("faint"), text("No matching jobs."))
                : Pieces.table(caption, HEADINGS, rows.stream().map(tasks -> row(links, tasks)));
    }

    /** Those that have not started: how long they wait, and why. */
    static Html waiting(Links links, List<Job> jobs) {
        return Pieces.table("Waiting jobs", List.of("Job", "Name", "User", "Partition", "Submitted", "Slurm's reason"),
                folded(jobs).stream().map(tasks -> waitingRow(links, tasks)));
    }

    private static Html waitingRow(Links links, List<Job> tasks) {
        Job job = tasks.getFirst();
        return element("tr", job(links, tasks), name(job), user(links, job),
                element("td", Pieces.orUnknown(job.scheduler().partition(), partition -> partition)),
                element("td", Pieces.timeOrUnknown(job.scheduler().submitTime())),
                element("td", Pieces.orUnknown(job.scheduler().stateReason(), reason -> reason)));
    }

    /** Tasks of one array together, where its first one stands. */
    private static List<List<Job>> folded(List<Job> jobs) {
        Map<List<Object>, List<Job>> folded = new LinkedHashMap<>();
        for (Job job : jobs) {
            String array = job.scheduler().arrayJobId();
            List<Object> key = array == null ? List.of(job.run()) : List.of(array, job.cluster());
            folded.computeIfAbsent(key, _ -> new ArrayList<>()).add(job);
        }
        return List.copyOf(folded.values());
    }

    private static Html row(Links links, List<Job> tasks) {
        Job job = tasks.getFirst();
        return element("tr", job(links, tasks), name(job), user(links, job),
                element("td", tasks.size() == 1 ? Pieces.state(job) : states(tasks)),
                element("td", Pieces.timeOrUnknown(job.startTime())),
                element("td", css("amount"), orRange(tasks, Job::runtimeSeconds, Phrases::time)),
                element("td", orMean(tasks, JobList::cpuUse, "cpu")),
                element("td", css("amount"),
                        orRange(tasks, JobList::memory,
                                Pieces::mebibytes)),
                element("td", gpus(tasks)));
    }

    private static boolean isEnded(Job job) {
        return job.state().isFinal();
    }

    /** Each state and cause, with how many tasks have it. */
    private static Html states(List<Job> tasks) {
        Map<List<Object>, List<Job>> states = new LinkedHashMap<>();
        tasks.forEach(task -> states.computeIfAbsent(
                List.of(task.state(), Objects.requireNonNullElse(task.reason(), "")), _ -> new ArrayList<>())
                .add(task));
        return group(states.values().stream().map(same -> element("div", text(same.size() + " "),
                Pieces.state(same.getFirst().state(), same.getFirst().reason()))));
    }

    /** A value of one job; of several tasks, from the least to the most. */
    private static Html orRange(List<Job> tasks, Function<Job, @Nullable Double> value, DoubleFunction<String> words) {
        DoubleSummaryStatistics all = known(tasks, value);
        if (all.getCount() == 0) {
            return Pieces.unknown();
        }
        String least = words.apply(all.getMin());
        String most = words.apply(all.getMax());
        return text(least.equals(most) ? most : least + " to " + most);
    }

    private static Html orMean(List<Job> tasks, Function<Job, @Nullable Double> percent, String classes) {
        DoubleSummaryStatistics all = known(tasks, percent);
        return Pieces.percent(all.getCount() == 0 ? null : Double.valueOf(all.getAverage()), classes);
    }

    private static DoubleSummaryStatistics known(List<Job> tasks, Function<Job, @Nullable Double> value) {
        return tasks.stream().map(value).filter(Objects::nonNull)
                .collect(Collectors.summarizingDouble(Double::doubleValue));
    }

    /** Of several tasks, their array. */
    private static Html job(Links links, List<Job> tasks) {
        Job job = tasks.getFirst();
        String array = job.scheduler().arrayJobId();
        return element("th", attribute("scope", "row"), tasks.size() == 1 || array == null
                ? links.job(text(Pieces.slurmId(job)), job)
                : group(Links.link(links.array(array, job.cluster()), array),
                        element("small", "array, " + Phrases.count(tasks.size(), "task") + " here")));
    }

    private static Html name(Job job) {
        String name = job.scheduler().name();
        return element("td", css("name"), name == null ? Html.NOTHING : Html.foreign(name));
    }

    private static Html user(Links links, Job job) {
        return element("td", job.user() == null ? Pieces.unknown() : links.user(job.user()));
    }

    private static Html gpus(List<Job> tasks) {
        Integer count = tasks.getFirst().allocatedGpus();
        boolean hasUse = known(tasks, JobList::gpuUse).getCount() > 0;
        if (!hasUse && (count == null || count == 0)) {
            return Html.NOTHING;
        }
        Html use = orMean(tasks, JobList::gpuUse, "gpu");
        return count == null ? use : group(text(count + " × "), use);
    }

    private static @Nullable Double cpuUse(Job job) {
        return isEnded(job) ? job.avgCpuUsage() : job.cpuUsage();
    }

    private static @Nullable Double memory(Job job) {
        return isEnded(job) ? job.maxMemoryUsageMb() : job.memoryUsageMb();
    }

    private static @Nullable Double gpuUse(Job job) {
        return isEnded(job) ? job.avgGpuUsage() : job.gpuUsage();
    }
}
