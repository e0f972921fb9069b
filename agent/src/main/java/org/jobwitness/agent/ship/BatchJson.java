package org.jobwitness.agent.ship;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/** Writes a batch as JSON, without fields that are null or empty. */
final class BatchJson {
    private static final String HEX = "0123456789abcdef";

    private final StringBuilder json = new StringBuilder(4096);
    private boolean isFirst = true;

    private BatchJson() {
    }

    static String of(Batch batch) {
        BatchJson writer = new BatchJson();
        writer.object(() -> writer.fields(batch));
        return writer.json.toString();
    }

    private void fields(Batch batch) {
        field("version", batch.version());
        field("cluster", batch.cluster());
        field("node", batch.node());
        field("boot_id", batch.bootId());
        field("sequence", batch.sequence());
        field("timestamp", batch.timestamp());
        field("interval_ms", batch.intervalMs());
        field("agent_version", batch.agentVersion());
        NodeFigures node = batch.nodeFigures();
        if (node != null) {
            name("node_figures");
            object(() -> fields(node));
        }
        objects("jobs", batch.jobs(), this::fields);
        objects("gpus", batch.gpus(), this::fields);
    }

    private void fields(NodeFigures node) {
        field("total_cpus", node.totalCpus());
        field("total_memory_bytes", node.totalMemoryBytes());
        field("total_gpus", node.totalGpus());
        field("cpu_usage_percent", node.cpuUsagePercent());
        field("memory_usage_bytes", node.memoryUsageBytes());
        field("gpu_usage_percent", node.gpuUsagePercent());
        field("cpu_load", node.cpuLoad());
    }

    private void fields(JobReading job) {
        field("job_id", job.jobId());
        field("sluid", job.sluid());
        field("start_time", job.startTime());
        field("since", job.since());
        field("uid", job.uid());
        field("user", job.user());
        field("cgroup_path", job.cgroupPath());
        field("timestamp", job.timestamp());
        field("last", job.last());
        field("cpus_used", job.cpusUsed());
        Figure.all(Figure.Of.JOB).forEach(figure -> field(figure.toString(), figure.of(job)));
        objects("oom_kill_events", job.oomKillEvents(), this::fields);
        texts("absent", job.absent());
    }

    private void fields(OomKill kill) {
        field("timestamp", kill.timestamp());
        field("step", kill.step());
        field("killed", kill.killed());
        field("limit_bytes", kill.limitBytes());
        field("cause", kill.cause());
    }

    private void fields(GpuReading gpu) {
        field("gpu", gpu.gpu());
        field("vendor", gpu.vendor());
        GpuDevice device = gpu.device();
        if (device != null) {
            name("device");
            object(() -> fields(device));
        }
        field("job_id", gpu.jobId());
        texts("shared_by", gpu.sharedBy());
        texts("claimed_by", gpu.claimedBy());
        Figure.all(Figure.Of.GPU).forEach(figure -> field(figure.toString(), figure.of(gpu)));
        texts("throttled", gpu.throttled());
        field("ecc_errors", gpu.eccErrors());
        field("xid", gpu.xid());
        elements("xids", gpu.xids(), json::append);
        texts("absent", gpu.absent());
    }

    private void fields(GpuDevice device) {
        field("model", device.model());
        field("pci_bus_id", device.pciBusId());
        field("minor", device.minor());
        field("parent", device.parent());
    }

    private void field(String name, @Nullable Number value) {
        if (value instanceof Double number && !Double.isFinite(number)) {
            throw new IllegalArgumentException("no JSON for " + name + " " + value);
        }
        if (value != null) {
            name(name);
            json.append(value);
        }
    }

    private void field(String name, @Nullable Boolean value) {
        if (value != null) {
            name(name);
            json.append(value.booleanValue());
        }
    }

    private void field(String name, @Nullable String value) {
        if (value != null) {
            name(name);
            text(value);
        }
    }

    private void field(String name, @Nullable Enum<?> value) {
        field(name, value == null ? null : value.toString());
    }

    private void field(String name, @Nullable Instant value) {
        field(name, value == null ? null : value.toString());
    }

    private void texts(String name, Map<String, String> texts) {
        if (!texts.isEmpty()) {
            name(name);
            object(() -> texts.forEach(this::field));
        }
    }

    private void texts(String name, List<String> texts) {
        elements(name, texts, this::text);
    }

    private <T> void objects(String name, List<T> list, Consumer<T> fields) {
        elements(name, list, element -> object(() -> fields.accept(element)));
    }

    private <T> void elements(String name, List<T> list, Consumer<T> write) {
        if (list.isEmpty()) {
            return;
        }
        name(name);
        json.append('[');
        isFirst = true;
        for (T element : list) {
            comma();
            write.accept(element);
        }
        json.append(']');
    }

    private void object(Runnable fields) {
        json.append('{');
        isFirst = true;
        fields.run();
        isFirst = false;
        json.append('}');
    }

    private void name(String name) {
        comma();
        text(name);
        json.append(':');
    }

    private void comma() {
        if (!isFirst) {
            json.append(',');
        }
        isFirst = false;
    }

    private void text(String text) {
        quote(json, text);
    }

    /** Any text as a JSON string; unpaired surrogates, which UTF-8 does not have, are replaced. */
    static void quote(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
            } else if (Character.isHighSurrogate(c) && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                json.append(c).append(text.charAt(++i));
            } else {
                json.append(Character.isSurrogate(c) ? '\uFFFD' : c);
            }
        }
        json.append('"');
    }
}
