package org.jobwitness.server.notice;

import org.jdbi.v3.core.Handle;

/** Takes a user out of notices and messages, and out of those who want none. */
public final class NoticeErasure {
    private NoticeErasure() {
    }

    /** Within the caller's transaction. */
    public static void erase(Handle handle, String user) {
        handle.createUpdate("delete from notice where user_name = :user").bind("user", user).execute();
        handle.createUpdate("delete from notice_message where user_name = :user").bind("user", user).execute();
        handle.createUpdate("delete from notice_refusal where user_name = :user").bind("user", user).execute();
    }
}
