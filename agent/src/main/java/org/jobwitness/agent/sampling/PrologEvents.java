package org.jobwitness.agent.sampling;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedSet;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.files.ScriptsSpool;
import org.jobwitness.agent.json.JsonValue;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * The events of prologs, read while they pass through the scripts' spool. They have what no cgroup shows: the start by which
 * Slurm knows the run, the user of the job, and the job id of a SLUID. An event may be sent and removed before it is read; then these
 * stay unknown. For the sampler's thread.
 */
public final class PrologEvents {
    private static final Pattern NAME = Pattern.compile("[0-9]{10}-[0-9]{1,10}-started-[0-9]{1,10}\\.json");
    private static final Pattern JOB_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0,63}");
    private static final String DEVICE = "[A-Za-z0-9/-]{1,80}";
    private static final int MAX_DEVICES = 256;
    private static final int MAX_TEXT_LENGTH = 255;
    private static final int MAX_BYTES = 64 * 1024;
    /** More than a node has jobs. */
    private static final int MAX_EVENTS = 2000;
    /** More slurmd than one host runs. */
    private static final int MAX_NODES = 64;

    private final Map<String, PrologEvent> byJobId = new LinkedHashMap<>();
    private Optional<String> cluster = Optional.empty();
    /** The last one last. */
    private final SequencedSet<String> nodes = new LinkedHashSet<>();

    /** Reads a file of the scripts' spool, if it is a prolog's event that no other user wrote, and still exists. */
    public void read(Path file) {
        if (!NAME.matcher(file.getFileName().toString()).matches()
                || new ScriptsSpool(file.resolveSibling("")).problem().isPresent()) {
            return;
        }
        try {
            if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) <= MAX_BYTES
                    && ScriptsSpool.problemOf(file).isEmpty()) {
                add(new String(Files.readAllBytes(file), StandardCharsets.US_ASCII).strip());
            }
        } catch (IOException e) {
            // sent and removed meanwhile: the usual end of an event
        }
    }

    public void add(String json) {
        JsonValue event;
        try {
            event = JsonValue.parse(json);
        } catch (JsonValue.MalformedJsonException e) {
            return; // no event of the scripts
        }
        String jobId = text(event, "job_id");
        if (jobId == null || !JOB_ID.matcher(jobId).matches()) {
            return;
        }
        cluster = Optional.ofNullable(text(event, "cluster")).or(() -> cluster);
        event.textAt("node").filter(AgentConfig::isNode).ifPresent(this::addNode);
        byJobId.remove(jobId);
        byJobId.put(jobId, new PrologEvent(jobId, text(event, "sluid"), startTime(event), uid(event),
                text(event, "user"), devices(event), vendor(event), json));
        if (byJobId.size() > MAX_EVENTS) {
            byJobId.remove(byJobId.keySet().iterator().next());
        }
    }

    Optional<PrologEvent> ofJob(String jobId) {
        return Optional.ofNullable(byJobId.get(jobId));
    }

    Optional<PrologEvent> ofSluid(String sluid) {
        Collection<PrologEvent> all = byJobId.values();
        return all.stream().filter(event -> sluid.equals(event.sluid())).findFirst();
    }

    /** The job has ended: its id may return as another run. */
    void remove(String jobId) {
        byJobId.remove(jobId);
    }

    /** The cluster in the last event that had one. */
    Optional<String> cluster() {
        return cluster;
    }

    private void addNode(String node) {
        nodes.remove(node);
        nodes.add(node);
        if (nodes.size() > MAX_NODES) {
            nodes.remove(nodes.iterator().next());
        }
    }

    /** Slurm's name of this node (SLURMD_NODENAME), in the last event that had one. */
    Optional<String> node() {
        return nodes.isEmpty() ? Optional.empty() : Optional.of(nodes.getLast());
    }

    /** Slurm's names of this host in all events: several if it runs several slurmd. */
    Set<String> nodes() {
        return nodes;
    }

    private static @Nullable String text(JsonValue event, String key) {
        return event.textAt(key).filter(text -> !text.isBlank() && text.length() <= MAX_TEXT_LENGTH)
                .filter(text -> text.codePoints().noneMatch(PrologEvents::isUnusable)).orElse(null);
    }

    private static boolean isUnusable(int c) {
        return Character.isISOControl(c) || (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }

    private static @Nullable Long uid(JsonValue event) {
        OptionalDouble uid = event.numberAt("uid");
        boolean isValid = uid.isPresent() && uid.getAsDouble() >= 0 && uid.getAsDouble() < 0xffff_ffffL;
        return isValid ? Long.valueOf((long) uid.getAsDouble()) : null;
    }

    private static List<String> devices(JsonValue event) {
        return event.at("gpu_devices").map(JsonValue::elements).orElse(List.of()).stream().limit(MAX_DEVICES)
                .flatMap(device -> device.textAt().stream()).filter(device -> device.matches(DEVICE)).toList();
    }

    private static @Nullable GpuVendor vendor(JsonValue event) {
        String vendor = text(event, "gpu_vendor");
        return Arrays.stream(GpuVendor.values()).filter(one -> one.toString().equals(vendor)).findFirst().orElse(null);
    }

    private static @Nullable Instant startTime(JsonValue event) {
        String time = text(event, "start_time");
        try {
            return time == null ? null : Instant.parse(time);
        } catch (DateTimeParseException e) {
            return null;
        }
    }
}
