package org.jobwitness.server.backup;

import java.util.List;
import java.util.Set;

/** The tables that a backup has. */
final class Tables {
    /** All, each after those that it refers to. */
    static final List<String> ALL = List.of("job", "job_node", "job_figures", "job_gpu_figures", "job_deleted",
            "ended_run",
            "oom_kill", "audit", "sample_buffer", "sample_buffer_0", "sample_buffer_1", "chunk", "figure",
            "agent_batches",
            "node", "node_event", "gpu_error", "retention_clock", "agent_queue", "scheduler_contact", "demo",
            "coordinator", "session",
            "sign_in_nonce", "sign_in_code", "access_event", "report_owner", "report_day", "report_month",
            "report_fact", "notice", "notice_message", "notice_refusal");

    /** Those with samples, most of what there is; what runs used in all is not in them. */
    static final Set<String> SAMPLES = Set.of("sample_buffer", "sample_buffer_0", "sample_buffer_1", "chunk");

    /** A database with a row in one of these is in use. */
    static final List<String> USED = List.of("job", "audit");

    private Tables() {
    }
}
