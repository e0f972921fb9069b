package org.jobwitness.server.access;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jobwitness.server.db.Condition;

/** What is kept of a user's access: to be found, and to be erased. All within the caller's transaction. */
public final class PersonalData {
    /** In place of the user, in the audit trail of access. */
    public static final String ERASED = "user:erased";
    private static final String OF_USER = "(user_name = :name and coalesce(uid, :uid, -1) = coalesce(:uid, uid, -1)"
            + " or user_name is null and uid = :uid)";

    private PersonalData() {
    }

    /** On the columns {@code user_name} and {@code uid} of a session, a code or an event. */
    public static Condition of(User user) {
        return new Condition(OF_USER, values(user));
    }

    /**
     * Deletes sessions, links and codes, and what the user coordinates; takes name, uid and address out of the audit trail of access.
     *
     * @return how many rows were changed
     */
    public static long erase(Handle handle, User user) {
        return run(handle, user, "delete from session where " + OF_USER)
                + run(handle, user, "delete from sign_in_code where " + OF_USER + " or actor = :actor")
                + run(handle, user, "delete from sign_in_nonce where uid = :uid")
                + run(handle, user, "delete from coordinator where user_name = :name")
                + run(handle, user, """
                        update access_event set user_name = null, uid = null, address = null,
                            actor = case when actor in (:actor, :link) then :erased else actor end
                        where %s or actor in (:actor, :link)""".formatted(OF_USER));
    }

    private static long run(Handle handle, User user, String sql) {
        Update update = handle.createUpdate(sql);
        values(user).forEach(update::bind);
        if (user.uid() == null) {
            update.bind("uid", (Long) null);
        }
        String actor = Caller.actor(user);
        return update.bind("actor", actor).bind("link", "link of " + actor).bind("erased", ERASED).execute();
    }

    private static Map<String, Object> values(User user) {
        Map<String, Object> values = new HashMap<>();
        values.put("name", Objects.requireNonNull(user.name()));
        if (user.uid() != null) {
            values.put("uid", user.uid());
        }
        return values;
    }
}
