package org.jobwitness.server.verdict;

import java.util.Locale;
import java.util.Map;

/** What Slurm's words mean for why a job waits; those that users meet most (squeue's REASON). */
final class PendingReasons {
    private static final Map<String, String> MEANINGS = Map.ofEntries(
            Map.entry("priority", "other jobs go first"),
            Map.entry("resources", "it is next, and waits until enough of what it asked for is free"),
            Map.entry("dependency", "it waits for another job, as its --dependency says"),
            Map.entry("dependencyneversatisfied",
                    "the job that it waits for ended in another way than its --dependency wants, so it will never begin; cancel it"),
            Map.entry("begintime", "it waits for the time that --begin names"),
            Map.entry("jobhelduser", "its user has put it on hold; scontrol release lets it go"),
            Map.entry("jobheldadmin", "an administrator has put it on hold; ask them"),
            Map.entry("licenses", "it waits for a licence that is taken"),
            Map.entry("reservation", "it waits for its reservation to begin"),
            Map.entry("partitiontimelimit",
                    "it asks for more time than its partition allows, so it will not begin; ask for less --time"),
            Map.entry("partitionnodelimit",
                    "it asks for more nodes than its partition has or allows, so it will not begin"),
            Map.entry("partitiondown", "its partition is closed for the moment"),
            Map.entry("reqnodenotavail", "a node that it needs is down, drained or reserved"),
            Map.entry("jobarraytasklimit", "as many tasks of its array run as it allows at once"));

    private PendingReasons() {
    }

    /** A sentence on a reason in Slurm's words. */
    static String meaning(String reason) {
        String known = MEANINGS.get(reason.split("[ ,(]", 2)[0].toLowerCase(Locale.ROOT));
        if (known != null) {
            return "Slurm says " + Phrases.quoted(reason) + ": " + known + ".";
        }
        return reason.startsWith("QOS") || reason.startsWith("Assoc")
                ? "Slurm says " + Phrases.quoted(reason)
                        + ": it waits because of a limit on how much its user, account or QOS may use at once."
                : "Slurm says " + Phrases.quoted(reason) + ".";
    }
}
