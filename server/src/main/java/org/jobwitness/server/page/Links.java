package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.foreign;
import static org.jobwitness.server.page.Html.text;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.wire.Job;

/**
 * Addresses of pages. They are relative, so that a proxy may serve them under any prefix.
 *
 * @param root the way from the page that is shown to the first one: {@code ./} or {@code ../}
 * @param grafana the address of Grafana; empty for none
 * @param provider the host of the OpenID provider that signs people in; empty for none
 * @param isOperator whether the reader may see the state of the server
 * @param reader who has signed in with this browser; empty where that is nobody, or not needed
 */
record Links(String root, Optional<String> grafana, Optional<String> provider, boolean isOperator,
        Optional<Reader> reader) {

    /**
     * A person.
     *
     * @param formToken of forms that change something; empty where a proxy signs people in and out
     */
    record Reader(String name, Optional<String> formToken) {
    }

    String home() {
        return root;
    }

    /** @param path without a slash before it */
    String page(String path) {
        return root + path;
    }

    String asset(String file) {
        return root + "assets/" + file;
    }

    /** This run, even when its id means a later one. */
    String job(Job job) {
        return run(job.id(), job.run());
    }

    /** The newest run of an id. */
    String job(String id) {
        return root + jobPath(id);
    }

    /** All tasks of a job array. */
    String array(String id, String cluster) {
        return root + "arrays/" + encode(id) + query("cluster", cluster);
    }

    /** The same of a run by its key. */
    String run(String id, long run) {
        return root + jobPath(id) + query("run", Long.toString(run));
    }

    /** The data of a run: the API's path below {@code /v1/jobs/ID}, such as {@code /series}. */
    String data(Job job, String below) {
        return root + "v1/" + jobPath(job.id()) + below + query("run", Long.toString(job.run()));
    }

    private static String jobPath(String id) {
        return "jobs/" + encode(id);
    }

    /** @param parameters names and values in turn */
    String jobs(String... parameters) {
        return root + "jobs" + query(parameters);
    }

    Html job(Html label, Job job) {
        return link(job(job), label);
    }

    Html node(String node) {
        return named("nodes/", node);
    }

    Html user(String user) {
        return named("users/", user);
    }

    Html account(String account) {
        return named("accounts/", account);
    }

    /** A browser would take {@code .} and {@code ..} for folders. */
    private Html named(String folder, String name) {
        return name.equals(".") || name.equals("..")
                ? foreign(name)
                : link(root + folder + encode(name), foreign(name));
    }

    static Html link(String address, Html label) {
        return element("a", attribute("href", address), label);
    }

    static Html link(String address, String label) {
        return link(address, text(label));
    }

    /** Grafana's dashboard of a job, at the time of the run. */
    Optional<String> grafana(Job job, Instant now) {
        Instant start = job.startTime();
        if (start == null) {
            return Optional.empty();
        }
        Instant end = job.endTime() == null ? now : job.endTime();
        return grafana.map(address -> address + "/d/jobwitness-job" + query("from", Long.toString(start.toEpochMilli()),
                "to", Long.toString(end.toEpochMilli()), "var-cluster", job.cluster(), "var-job", job.id()));
    }

    /** @param parameters names and values in turn */
    static String query(String... parameters) {
        List<String> all = Arrays.asList(parameters);
        return IntStream.range(0, all.size() / 2)
                .mapToObj(i -> encode(all.get(2 * i)) + "=" + encode(all.get(2 * i + 1)))
                .collect(Collectors.collectingAndThen(Collectors.joining("&"),
                        text -> text.isEmpty() ? "" : "?" + text));
    }

    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
