package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;

/** Runs as a table: current use of a running one, the mean or peak of an ended one; tasks of an array as one row. */
final class JobList {
    private static final List<String> HEADINGS = List.of("Job", "Name", "User", "State", "Started", "Time", "CPUs",
            "Memory",
            "GPUs");

    private JobList() {
    }

    static Html of(Links links, String caption, List<Job> jobs) {
        if (jobs.isEmpty()) {
            return element("p", css("faint"), text("No matching jobs."));
        }
        return Pieces.table(caption, HEADINGS, folded(jobs).stream().map(tasks -> row(links, tasks)));
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

    /** Tasks of one array that are in the same state together, where its first one stands. */
    private static List<List<Job>> folded(List<Job> jobs) {
        Map<List<Object>, List<Job>> folded = new LinkedHashMap<>();
        for (Job job : jobs) {
            String array = job.scheduler().arrayJobId();
            List<Object> key = array == null
                    ? List.of(job.run())
                    : List.of(array, job.cluster(), job.state(), Objects.requireNonNullElse(job.reason(), ""));
            folded.computeIfAbsent(key, _ -> new ArrayList<>()).add(job);
        }
        return List.copyOf(folded.values());
    }

    private static Html row(Links links, List<Job> tasks) {
        Job job = tasks.getFirst();
        boolean ended = job.state().isFinal();
        return element("tr", job(links, tasks), name(job), user(links, job),
                element("td", Pieces.state(job)), element("td", Pieces.timeOrUnknown(job.startTime())),
                element("td", css("amount"), Pieces.orUnknown(job.runtimeSeconds(), Phrases::time)),
                element("td", Pieces.percent(ended ? job.avgCpuUsage() : job.cpuUsage(), "cpu")),
                element("td", Pieces.memory(ended ? job.maxMemoryUsageMb() : job.memoryUsageMb())),
                element("td", gpus(job, ended)));
    }

    private static Html job(Links links, List<Job> tasks) {
        Job job = tasks.getFirst();
        String array = job.scheduler().arrayJobId();
        Html more = tasks.size() == 1 || array == null
                ? Html.NOTHING
                : element("small", Links.link(links.jobs("id", array, "state", job.state().toString()),
                        "and " + Phrases.count(tasks.size() - 1, "more task")));
        return element("th", attribute("scope", "row"), links.job(text(Pieces.slurmId(job)), job), more);
    }

    private static Html name(Job job) {
        String name = job.scheduler().name();
        return element("td", css("name"), name == null ? Html.NOTHING : Html.foreign(name));
    }

    private static Html user(Links links, Job job) {
        return element("td", job.user() == null ? Pieces.unknown() : links.user(job.user()));
    }

    private static Html gpus(Job job, boolean ended) {
        Double use = ended ? job.avgGpuUsage() : job.gpuUsage();
        Integer count = job.allocatedGpus();
        if (use == null && (count == null || count == 0)) {
            return Html.NOTHING;
        }
        return count == null
                ? Pieces.percent(use, "gpu")
                : group(text(count + " × "), Pieces.percent(use, "gpu"));
    }
}
