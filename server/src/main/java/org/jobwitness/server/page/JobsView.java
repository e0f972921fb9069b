package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.server.query.JobQueries.IdleGpus;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;

/** The page of jobs: filters, which stand in its address, and the jobs that they choose. */
final class JobsView {
    private static final List<String> TEXT_FILTERS = List.of("user", "account", "partition", "node");
    private static final List<String> HIDDEN_FILTERS = List.of("id", "cluster", "sort", "from", "to");

    private JobsView() {
    }

    /**
     * The page.
     *
     * @param filters of the address, by name
     * @param next the filters and cursor of the next page; empty if this is the last
     */
    static String of(Links links, JobPage page, Map<String, String> filters, Map<String, String> next) {
        String query = Links.query(filters.entrySet().stream().filter(one -> !List.of("sort", "from", "to", "limit",
                "cursor", "offset").contains(one.getKey())).flatMap(one -> Stream.of(one.getKey(), one.getValue()))
                .toArray(String[]::new));
        String live = query.isEmpty() ? "all" : query.substring(1);
        return Layout.page(links, "Jobs", filters.getOrDefault("q", ""),
                filters.containsKey("cursor") ? "" : live,
                element("h1", "Jobs"), form(links, filters),
                element("section", css("card live"), attribute("id", "top"), attribute("aria-label", "Jobs"),
                        element("p", css("faint"), text(Phrases.count(page.total(), "run") + ", the newest first.")),
                        list(links, page, filters),
                        next.isEmpty()
                                ? Html.NOTHING
                                : element("p", Links.link(links.jobs(next.entrySet().stream()
                                        .flatMap(one -> Stream.of(one.getKey(), one.getValue()))
                                        .toArray(String[]::new)),
                                        "Older jobs"))));
    }

    /** Whoever asks for an array by its id wants to see its tasks. */
    private static Html list(Links links, JobPage page, Map<String, String> filters) {
        return filters.containsKey("id")
                ? JobList.unfolded(links, "Jobs", page.jobs())
                : JobList.of(links, "Jobs", page.jobs());
    }

    private static Html form(Links links, Map<String, String> filters) {
        return element("form", css("filters"), attribute("action", links.page("jobs")),
                attribute("aria-label", "Filters"),
                select("state", Arrays.stream(JobState.values()).map(JobState::toString), filters),
                select("reason", Arrays.stream(Reason.values()).map(Reason::toString), filters),
                group(TEXT_FILTERS.stream().map(name -> input(name, name, filters))), input("q", "text", filters),
                group(HIDDEN_FILTERS.stream().filter(filters::containsKey).map(name -> element("input",
                        attribute("type", "hidden"), attribute("name", name),
                        attribute("value", Objects.requireNonNull(filters.get(name)))))),
                element("button", attribute("type", "submit"), text("Filter")),
                filters.isEmpty() ? Html.NOTHING : Links.link(links.jobs(), "all jobs"));
    }

    private static Html input(String name, String label, Map<String, String> filters) {
        return element("label", text(label),
                element("input", attribute("name", name), attribute("maxlength", "256"),
                        attribute("value", filters.getOrDefault(name, ""))));
    }

    private static Html select(String name, Stream<String> words, Map<String, String> filters) {
        String chosen = filters.getOrDefault(name, "");
        List<String> all = Stream.concat(Stream.of(""), words).toList();
        // Several states may be asked for by the address.
        Stream<String> options = all.contains(chosen) ? all.stream() : Stream.concat(Stream.of(chosen), all.stream());
        return element("label", text(name), element("select", attribute("name", name),
                group(options.map(word -> element("option", attribute("value", word),
                        word.equals(chosen) ? attribute("selected", "") : Html.NOTHING,
                        text(word.isEmpty() ? "any" : word.replace('_', ' ')))))));
    }

    /** Jobs that hold GPUs and do not use them now. */
    static Html idleGpus(Links links, List<IdleGpus> idle) {
        return Pieces.section("idle", "GPUs idle now", idle.isEmpty()
                ? element("p", css("faint"),
                        text("None, as far as agents read GPUs that a job holds alone."))
                : Pieces.table("Jobs whose GPUs are idle", List.of("Job", "User", "Idle", "Mean use", "Started"),
                        idle.stream().map(one -> row(links, one))));
    }

    private static Html row(Links links, IdleGpus one) {
        Job job = one.job();
        return element("tr", element("th", attribute("scope", "row"), links.job(text(Pieces.slurmId(job)), job)),
                element("td", job.user() == null ? Pieces.unknown() : links.user(job.user())),
                element("td", element("b", one.idle() + " of " + one.read())),
                element("td", Pieces.percent(job.avgGpuUsage(), "gpu")),
                element("td", Pieces.timeOrUnknown(job.startTime())));
    }
}
