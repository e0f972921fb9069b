package org.jobwitness.server.report;

import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Condition;

/** Adds the sums of a person to those of nobody: the hours stay in the totals, without a name. */
public final class OwnerErasure {
    private static final String COLUMNS = Amount.each("%1$s");
    private static final String PLUS = Amount.each("%1$s = report_day.%1$s + excluded.%1$s");

    private OwnerErasure() {
    }

    /**
     * Within the caller's transaction.
     *
     * @param owned on the columns of an owner, which are named as those of a job
     * @param name of the user, whose own account may be of that name
     */
    public static void erase(Handle handle, Condition owned, String name) {
        DaySums.lock(handle);
        handle.createUpdate("""
                insert into report_owner (cluster, account, partition)
                select distinct cluster, nullif(account, :name), partition from report_owner where %s
                on conflict do nothing""".formatted(owned.sql())).bindMap(owned.values()).bind("name", name).execute();
        handle.execute("create temporary table erased_owner (owner_id bigint, to_id bigint) on commit drop");
        handle.createUpdate("""
                insert into erased_owner
                select mine.owner_id, nobody.owner_id
                from (select * from report_owner where %s) mine
                join report_owner nobody on nobody.user_name is null and nobody.uid is null
                    and nobody.cluster = mine.cluster
                    and nobody.account is not distinct from nullif(mine.account, :name)
                    and nobody.partition is not distinct from mine.partition""".formatted(owned.sql()))
                .bindMap(owned.values()).bind("name", name).execute();
        handle.execute("""
                insert into report_day (day, node, owner_id, gpu_model, state, reason, %1$s)
                select day, node, to_id, gpu_model, state, reason, %2$s
                from report_day join erased_owner using (owner_id) group by day, node, to_id, gpu_model, state, reason
                on conflict (day, node, owner_id, gpu_model, state, reason) do update set %3$s"""
                .formatted(COLUMNS, Amount.each("sum(%1$s)::bigint"), PLUS));
        handle.execute("delete from report_day using erased_owner where report_day.owner_id = erased_owner.owner_id");
        handle.execute("""
                update report_fact set owner_id = to_id from erased_owner
                where report_fact.owner_id = erased_owner.owner_id""");
        handle.execute("delete from report_owner using erased_owner"
                + " where report_owner.owner_id = erased_owner.owner_id");
    }
}
