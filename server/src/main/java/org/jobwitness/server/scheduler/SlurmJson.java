package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.query.ArrayTasks;
import org.jobwitness.server.scheduler.SlurmJob.Terms;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads the responses of slurmrestd, and what {@code squeue}, {@code sacct}, {@code scontrol} and {@code sacctmgr} print with {@code --json}, from
 * v0.0.39 to v0.0.45. Names and shapes are those of Slurm's data_parser plugins. A list is read element by element, so that it
 * takes no more memory than what is made of it. An element that cannot be read is left out and counted.
 */
final class SlurmJson {
    /** RealMemory of a node for which slurm.conf names none. */
    private static final long UNCONFIGURED_MEMORY_MB = 1;

    /** Names and comments are user text: not always UTF-8, and old versions print infinite numbers as such. */
    private final JsonMapper mapper = JsonMapper
            .builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64)
                            .maxStringLength(4 << 20).build())
                    .enable(JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS, JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                    .build())
            .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS) // an element is followed by the next one
            .build();

    /**
     * A response.
     *
     * @param cluster its name; null if the version does not report it
     * @param lastUpdate what to ask for changes since; null where there is none
     * @param unreadable how many elements of the list could not be read
     * @param warnings Slurm's own texts
     */
    record Answer<T>(@Nullable String cluster, @Nullable Long lastUpdate, List<T> list, int unreadable,
            List<Complaint> errors, List<String> warnings) {
    }

    /** An error that Slurm reports in its response. */
    record Complaint(@Nullable Long number, String text) {
    }

    /**
     * A controller of the cluster.
     *
     * @param status why it does not respond; null if the version does not say
     */
    record Ping(String host, boolean responding, @Nullable String status) {
    }

    /** Until v0.0.41, whether a controller responds is a word. */
    Answer<Ping> pings(InputStream in) throws IOException, SlurmException {
        return read(in, "pings", ping -> {
            String host = ping.text("hostname");
            boolean isUp = "UP".equals(ping.text("pinged")) || "UP".equals(ping.text("ping"));
            return new Ping(host == null ? "slurmctld" : host, ping.isTrue("responding") || isUp, ping.text("status"));
        });
    }

    /** Jobs in slurmctld. */
    Answer<SlurmJob> jobs(InputStream in) throws IOException, SlurmException {
        return read(in, "jobs", SlurmJson::jobOfController);
    }

    /** Jobs in slurmdbd. */
    Answer<SlurmJob> accounted(InputStream in) throws IOException, SlurmException {
        return read(in, "jobs", SlurmJson::jobOfAccounting);
    }

    Answer<Listing.Entry> states(InputStream in) throws IOException, SlurmException {
        return read(in, "jobs", fields -> {
            String name = fields.text("job_id");
            return name == null ? null : new Listing.Entry(name, stateOf(fields, "state"), null);
        });
    }

    Answer<SlurmNode> nodes(InputStream in) throws IOException, SlurmException {
        return read(in, "nodes", SlurmJson::node);
    }

    /** Filled only if coordinators are asked for. */
    Answer<SlurmUser> users(InputStream in) throws IOException, SlurmException {
        return read(in, "users", user -> {
            String name = user.text("name");
            return name == null ? null : new SlurmUser(name, coordinated(user));
        });
    }

    /** An account that slurmdbd lists because it is below another one is marked by {@code direct}, a number in v0.0.39. */
    private static List<String> coordinated(Fields user) {
        return user.list("coordinators").stream().filter(one -> one.isTrue("direct"))
                .flatMap(one -> Stream.ofNullable(one.text("name"))).toList();
    }

    /**
     * A user or an account on a cluster.
     *
     * @param user null for an account itself
     */
    record Association(@Nullable String user, SlurmAccount account) {
    }

    Answer<Association> associations(InputStream in) throws IOException, SlurmException {
        return read(in, "associations", one -> {
            String cluster = one.text("cluster");
            String account = one.text("account");
            return cluster == null || account == null
                    ? null
                    : new Association(one.text("user"), new SlurmAccount(cluster, account, one.text("parent_account")));
        });
    }

    static List<SlurmAccount> accounts(List<Association> all) {
        return all.stream().filter(one -> one.user == null).map(Association::account).toList();
    }

    private <T> Answer<T> read(InputStream in, String listName, Function<Fields, @Nullable T> element)
            throws IOException, SlurmException {
        AnswerReader<T> reader = new AnswerReader<>(mapper, listName, element);
        try (Reader text = new InputStreamReader(in, StandardCharsets.UTF_8);
                JsonParser parser = mapper.createParser(text)) {
            return reader.read(parser);
        } catch (JacksonException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            throw new SlurmException(SlurmException.Problem.BROKEN, "the response is not JSON: "
                    + String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse(""), e);
        }
    }

    /** Of one answer. */
    private static final class AnswerReader<T> {
        private final JsonMapper mapper;
        private final String listName;
        private final Function<Fields, @Nullable T> element;
        private final List<T> list = new ArrayList<>();
        private final List<Complaint> errors = new ArrayList<>();
        private final List<String> warnings = new ArrayList<>();
        private int unreadable;
        private @Nullable String cluster;
        private @Nullable Long lastUpdate;

        AnswerReader(JsonMapper mapper, String listName, Function<Fields, @Nullable T> element) {
            this.mapper = mapper;
            this.listName = listName;
            this.element = element;
        }

        Answer<T> read(JsonParser parser) throws SlurmException {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new SlurmException(SlurmException.Problem.BROKEN, "the response is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals(listName) && value == JsonToken.START_ARRAY) {
                    elements(parser);
                } else {
                    property(name, new Fields(mapper.createObjectNode().set(name, mapper.readTree(parser))));
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT) {
                throw new SlurmException(SlurmException.Problem.BROKEN, "the response ends early");
            }
            return new Answer<>(cluster, lastUpdate, list, unreadable, errors, warnings);
        }

        private void elements(JsonParser parser) {
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                JsonNode node = mapper.readTree(parser);
                T read = element.apply(new Fields(node));
                if (read == null) {
                    unreadable++;
                } else {
                    list.add(read);
                }
            }
        }

        private void property(String name, Fields fields) {
            switch (name) {
                case "meta" -> cluster = fields.text("meta/slurm/cluster");
                case "last_update" -> lastUpdate = fields.positive("last_update");
                case "errors" -> fields.list("errors").stream().map(SlurmJson::complaint).forEach(errors::add);
                case "warnings" -> fields.list("warnings").stream()
                        .flatMap(warning -> Stream.ofNullable(warning.text("description"))).forEach(warnings::add);
                default -> {
                    // not needed
                }
            }
        }
    }

    private static Complaint complaint(Fields error) {
        String text = Stream.of("error", "description").flatMap(name -> Stream.ofNullable(error.text(name)))
                .reduce((one, other) -> one + " (" + other + ")").orElse("an error without a message");
        return new Complaint(error.number("error_number"), text);
    }

    private static @Nullable SlurmJob jobOfController(Fields job) {
        Long id = job.positive("job_id");
        SlurmState state = stateOf(job, "job_state");
        if (id == null || state.words().isEmpty()) {
            return null;
        }
        List<String> gpus = job.words("gres_detail");
        Resources requested = Tres.of(job.text("tres_req_str"));
        Resources allocated = Tres.of(job.text("tres_alloc_str"));
        return new SlurmJob(false, id.toString(), job.text("cluster"), job.text("step_id/sluid"), state,
                job.text("state_reason"), job.text("state_description"), job.text("user_name"), uid(job),
                job.text("name"),
                job.text("partition"), job.text("account"), job.text("qos"), job.number("priority"), job.text("nodes"),
                job.time("submit_time"), job.time("start_time"), job.time("end_time"), job.positiveInt("time_limit"),
                job.isInfinite("time_limit"), suspendedSeconds(job), job.exit("exit_code"),
                job.exit("derived_exit_code"), id(job, "array_job_id"),
                part(job, "array_job_id", "array_task_id"), arrayTasks(job, "array_task_id", "array_task_string"),
                id(job, "het_job_id"),
                part(job, "het_job_id", "het_job_offset"),
                job.count("restart_cnt"), requested, allocated.gpus() == null && !gpus.isEmpty()
                        ? new Resources(allocated.cpus(), allocated.memoryMb(), gpusOf(gpus))
                        : allocated,
                gpus, termsOfController(job), job.text("failed_node"), null, job.flag("batch_flag"));
    }

    /** The greatest number of 32 bits is Slurm's for "none". */
    private static @Nullable Long uid(Fields job) {
        Long uid = job.number("user_id");
        return uid == null || uid < 0 || uid >= 0xffff_ffffL ? null : uid;
    }

    /** What is between its start and the last suspension's begin or end, without the time that it ran before that suspension. */
    private static @Nullable Integer suspendedSeconds(Fields job) {
        Long turned = job.positive("suspend_time");
        Long start = job.positive("start_time");
        Long ran = job.number("pre_sus_time");
        if (turned == null || start == null || ran == null) {
            return null;
        }
        long seconds = turned - start - ran;
        return seconds <= 0 || seconds > Integer.MAX_VALUE ? null : Integer.valueOf((int) seconds);
    }

    private static @Nullable SlurmJob jobOfAccounting(Fields job) {
        Long id = job.positive("job_id");
        SlurmState state = stateOf(job, "state/current");
        if (id == null || state.words().isEmpty()) {
            return null;
        }
        String sluid = job.text("original_sluid"); // a resize changes the other one
        return new SlurmJob(true, id.toString(), job.text("cluster"), sluid == null ? job.text("sluid") : sluid, state,
                job.text("state/reason"), null, job.text("user"), null, job.text("name"), job.text("partition"),
                job.text("account"), job.text("qos"), job.number("priority"), job.text("nodes"),
                job.time("time/submission"), job.time("time/start"), job.time("time/end"),
                job.positiveInt("time/limit"), job.isInfinite("time/limit"), job.positiveInt("time/suspended"),
                job.exit("exit_code"), job.exit("derived_exit_code"), id(job, "array/job_id"),
                part(job, "array/job_id", "array/task_id"), arrayTasks(job, "array/task_id", "array/task"),
                id(job, "het/job_id"), part(job, "het/job_id", "het/job_offset"), null,
                Tres.of(job.list("tres/requested")), Tres.of(job.list("tres/allocated")),
                List.of(), new Terms(null, null, job.positive("required/memory_per_cpu"),
                        job.positive("required/memory_per_node"), null, null, Map.of()),
                job.text("failed_node"), job.text("kill_request_user"), isBatch(job.text("submit_line")));
    }

    private static Terms termsOfController(Fields job) {
        List<String> shared = job.words("shared");
        return new Terms(job.positiveInt("tasks"), job.positiveInt("cpus_per_task"), job.positive("memory_per_cpu"),
                job.positive("memory_per_node"), job.text("memory_per_tres"),
                shared.isEmpty() ? null : Boolean.valueOf(shared.stream().anyMatch("none"::equalsIgnoreCase)),
                tres(job));
    }

    private static Map<String, String> tres(Fields job) {
        Map<String, String> tres = new LinkedHashMap<>();
        for (String name : List.of("cpus_per_tres", "tres_per_job", "tres_per_node", "tres_per_socket",
                "tres_per_task")) {
            String text = job.text(name);
            if (text != null) {
                tres.put(name, text);
            }
        }
        return tres;
    }

    /** slurmdbd has the command line only, which is the user's text: what is none of the three commands says nothing. */
    private static @Nullable Boolean isBatch(@Nullable String submitLine) {
        String command = submitLine == null ? "" : submitLine.strip().split("\\s", 2)[0];
        return switch (command.substring(command.lastIndexOf('/') + 1)) {
            case "sbatch" -> true;
            case "salloc", "srun" -> false;
            default -> null;
        };
    }

    private static @Nullable SlurmNode node(Fields node) {
        String name = node.text("name");
        if (name == null) {
            return null;
        }
        Integer gpus = Tres.of(node.text("tres")).gpus();
        Long realMemory = node.positive("real_memory");
        Long memoryMb = realMemory == null || realMemory == UNCONFIGURED_MEMORY_MB ? null : realMemory;
        Long kept = node.positive("specialized_memory");
        Long forJobsMb = memoryMb == null || kept == null || kept >= memoryMb
                ? memoryMb
                : Long.valueOf(memoryMb - kept);
        return new SlurmNode(name, node.words("state"), node.text("reason"), node.positiveInt("cpus"),
                memoryMb, forJobsMb, node.words("partitions"),
                gpus != null ? gpus : Tres.gpuCount(node.text("gres")), node.time("boot_time"),
                node.time("reason_changed_at"));
    }

    private static SlurmState stateOf(Fields fields, String path) {
        return new SlurmState(fields.words(path));
    }

    private static @Nullable String id(Fields job, String path) {
        Long id = job.positive(path);
        return id == null ? null : id.toString();
    }

    /** Its number in an array or a heterogeneous job; null if it is in none: there, 0 is no number. */
    private static @Nullable Integer part(Fields job, String whole, String number) {
        return id(job, whole) == null ? null : job.count(number);
    }

    /** Null if it is one task, by whose number the others are not its own. */
    private static @Nullable ArrayTasks arrayTasks(Fields job, String task, String tasks) {
        return job.count(task) == null ? ArrayTasks.parse(job.text(tasks)).orElse(null) : null;
    }

    private static @Nullable Integer gpusOf(List<String> ofNodes) {
        List<Integer> counts = ofNodes.stream().map(Tres::gpuCount).filter(Objects::nonNull).toList();
        return counts.isEmpty() ? null : Integer.valueOf(counts.stream().mapToInt(Integer::intValue).sum());
    }
}
