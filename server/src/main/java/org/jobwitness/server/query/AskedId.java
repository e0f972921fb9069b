package org.jobwitness.server.query;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an id may mean that somebody read in squeue, sacct or seff, in a mail, or in the name of a log file. Slurm writes {@code 500_7}
 * for a task of an array, {@code 510+1} for a part of a heterogeneous job, and {@code 501.batch} or {@code 501.0} for a step.
 */
sealed interface AskedId {
    Pattern STEP = Pattern.compile("(.+)\\.(?:batch|extern|interactive|out|err|[0-9]+(?:\\+[0-9]+)?)");
    Pattern TASK = Pattern.compile("0*([0-9]{1,18})_0*([0-9]{1,10})");
    Pattern PART = Pattern.compile("0*([0-9]{1,17})\\+0*([0-9]{1,6})");
    Pattern NUMBER = Pattern.compile("0*([0-9]{1,18})");

    /** The id of a job itself. */
    record OfJob(String id) implements AskedId {
    }

    /** A task of an array. */
    record OfTask(String array, String task) implements AskedId {
    }

    /** A part of a heterogeneous job. Slurm numbers the parts from the leader's id on. */
    record OfPart(String leader, String id) implements AskedId {
    }

    /** All tasks of an array. */
    record OfArray(String array) implements AskedId {
    }

    /** All that it may mean; what comes first goes before the others. Any id may be that of a job which was made by hand. */
    static List<AskedId> forms(String asked) {
        List<AskedId> forms = new ArrayList<>(List.of(new OfJob(asked)));
        Matcher step = STEP.matcher(asked);
        String job = asked;
        if (step.matches()) {
            job = step.group(1);
            forms.add(new OfJob(job));
        }
        Matcher task = TASK.matcher(job);
        Matcher part = PART.matcher(job);
        Matcher number = NUMBER.matcher(job);
        if (task.matches()) {
            forms.add(new OfTask(task.group(1), task.group(2)));
        } else if (part.matches()) {
            long leader = Long.parseLong(part.group(1));
            forms.add(new OfPart(part.group(1), Long.toString(leader + Long.parseLong(part.group(2)))));
        } else if (number.matches()) {
            if (!number.group(1).equals(job)) {
                forms.add(new OfJob(number.group(1)));
            }
            forms.add(new OfArray(number.group(1)));
        }
        return List.copyOf(forms);
    }

    /** A number without the zeros before it; any other text as it is. */
    static String withoutZeros(String id) {
        Matcher number = NUMBER.matcher(id);
        return number.matches() ? number.group(1) : id;
    }
}
