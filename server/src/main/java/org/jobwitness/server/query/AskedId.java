package org.jobwitness.server.query;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.db.Condition;

/**
 * What an id may mean that somebody read in squeue, sacct or seff, in a mail, or in the name of a log file. Slurm writes {@code 500_7}
 * for a task of an array, {@code 510+1} for a component of a heterogeneous job, and {@code 501.batch} or {@code 501.0} for a step, of
 * which sacct cuts off the end.
 */
sealed interface AskedId {
    Pattern STEP = Pattern.compile("(.+)\\.(?:batch|extern|interactive|out|err|[0-9]+(?:\\+[0-9]+)?"
            + "|(?:b(?:a(?:tc?)?)?|e(?:x(?:t(?:er?)?)?)?|i(?:n[a-z]*)?)\\+)");
    Pattern TASK = Pattern.compile("0*([0-9]{1,18})_0*([0-9]{1,10})");
    Pattern COMPONENT = Pattern.compile("0*([0-9]{1,17})\\+0*([0-9]{1,6})");
    Pattern NUMBER = Pattern.compile("0*([0-9]{1,18})");

    /** A condition on {@code job} for runs that it means; the names of its parameters begin with a prefix. */
    Condition condition(String prefix);

    /** Whether it means this run: the same, without the database. */
    boolean means(JobTraits run);

    /** The id of a job itself. */
    record OfJob(String id) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition("job_id = :" + prefix + "job", Map.of(prefix + "job", id));
        }

        @Override
        public boolean means(JobTraits run) {
            return id.equals(run.jobId());
        }
    }

    /** A task of an array. */
    record OfTask(String array, String task) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition(
                    "scheduler ->> 'array_job_id' = :%1$sarray and scheduler ->> 'array_task_id' = :%1$stask"
                            .formatted(prefix),
                    Map.of(prefix + "array", array, prefix + "task", task));
        }

        @Override
        public boolean means(JobTraits run) {
            return array.equals(run.arrayJobId()) && task.equals(Objects.toString(run.arrayTaskId()));
        }
    }

    /** A task of an array that waits, or was cancelled, together with others as one job. */
    record OfWaitingTask(String array, long task) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition(
                    """
                    scheduler ->> 'array_job_id' = :%1$sarray and scheduler ->> 'array_task_id' is null and start_time is null
                        and array_has_task(scheduler ->> 'array_tasks', :%1$stask_number)""".formatted(prefix),
                    Map.of(prefix + "array", array, prefix + "task_number", task));
        }

        @Override
        public boolean means(JobTraits run) {
            return array.equals(run.arrayJobId()) && run.arrayTaskId() == null && !run.hasStarted()
                    && ArrayTasks.parse(run.arrayTasks()).filter(tasks -> tasks.contains(task)).isPresent();
        }
    }

    /**
     * A component of a heterogeneous job, behind the leader's id, or in slurmrestd's list of states behind its own. Where Slurm's
     * record is not known, its id is the leader's plus the offset.
     */
    record OfComponent(String id, String offset) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition(
                    """
                    het_job_id is not null and case when scheduler ->> 'het_job_offset' is null
                        then job_id = :%1$scomponent and het_job_id = :%1$shet_job
                        else scheduler ->> 'het_job_offset' = :%1$soffset and :%1$shet_job in (job_id, het_job_id) end"""
                            .formatted(prefix),
                    Map.of(prefix + "het_job", id, prefix + "offset", offset, prefix + "component", sum()));
        }

        @Override
        public boolean means(JobTraits run) {
            if (run.hetJobOffset() == null) {
                return sum().equals(run.jobId()) && id.equals(run.hetJobId());
            }
            return offset.equals(run.hetJobOffset().toString()) && run.hetJobId() != null
                    && (id.equals(run.jobId()) || id.equals(run.hetJobId()));
        }

        private String sum() {
            return Long.toString(Long.parseLong(id) + Long.parseLong(offset));
        }
    }

    /** All tasks of an array. */
    record OfArray(String array) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition("scheduler ->> 'array_job_id' = :" + prefix + "array",
                    Map.of(prefix + "array", array));
        }

        @Override
        public boolean means(JobTraits run) {
            return array.equals(run.arrayJobId());
        }
    }

    /** All components of a heterogeneous job. */
    record OfHetJob(String leader) implements AskedId {
        @Override
        public Condition condition(String prefix) {
            return new Condition("het_job_id = :" + prefix + "leader", Map.of(prefix + "leader", leader));
        }

        @Override
        public boolean means(JobTraits run) {
            return leader.equals(run.hetJobId());
        }
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
        Matcher component = COMPONENT.matcher(job);
        Matcher number = NUMBER.matcher(job);
        if (task.matches()) {
            forms.add(new OfTask(task.group(1), task.group(2)));
            forms.add(new OfWaitingTask(task.group(1), Long.parseLong(task.group(2))));
        } else if (component.matches()) {
            forms.add(new OfComponent(component.group(1), component.group(2)));
        } else if (number.matches()) {
            if (!number.group(1).equals(job)) {
                forms.add(new OfJob(number.group(1)));
            }
            forms.add(new OfArray(number.group(1)));
            forms.add(new OfHetJob(number.group(1)));
        }
        return List.copyOf(forms);
    }

    /** A number without the zeros before it; any other text as it is. */
    static String withoutZeros(String id) {
        Matcher number = NUMBER.matcher(id);
        return number.matches() ? number.group(1) : id;
    }
}
