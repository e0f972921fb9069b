package org.jobwitness.server.verdict;

import java.util.Locale;
import java.util.Map;

/** The meaning of Slurm's reasons for a pending job (squeue's REASON), of those that users meet most. */
final class PendingReasons {
    private static final Map<String, String> MEANINGS = Map.ofEntries(
            Map.entry("priority", "other jobs have higher priority"),
            Map.entry("resources", "it is next in line and waits for enough free resources"),
            Map.entry("dependency", "it waits for another job (--dependency)"),
            Map.entry("dependencyneversatisfied",
                    "the job it depends on did not end as --dependency requires, so it will never start; cancel it"),
            Map.entry("begintime", "it waits for the start time set with --begin"),
            Map.entry("jobhelduser", "its user put it on hold; scontrol release ends that"),
            Map.entry("jobheldadmin", "an administrator put it on hold; ask them"),
            Map.entry("licenses", "it waits for a license that is in use"),
            Map.entry("reservation", "it waits for its reservation to start"),
            Map.entry("partitiontimelimit",
                    "it asks for more time than its partition allows, so it will not start; ask for less --time"),
            Map.entry("partitionnodelimit",
                    "it asks for more nodes than its partition has or allows, so it will not start"),
            Map.entry("partitiondown", "its partition is down at the moment"),
            Map.entry("reqnodenotavail", "a node that it needs is down, drained or reserved"),
            Map.entry("jobarraytasklimit", "its array already runs as many tasks as it allows at once"));

    private PendingReasons() {
    }

    /** A sentence about a reason. */
    static String meaning(String reason) {
        String known = MEANINGS.get(reason.split("[ ,(]", 2)[0].toLowerCase(Locale.ROOT));
        if (known == null && (reason.startsWith("QOS") || reason.startsWith("Assoc"))) {
            known = "it waits because of a limit on what its user, account or QOS may use at once";
        }
        return "Slurm gives the reason " + Phrases.quoted(reason) + (known == null ? "" : ": " + known) + ".";
    }
}
