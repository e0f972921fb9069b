package org.jobwitness.wire;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A code that is to be made, by which a browser signs in.
 *
 * @param user for whom, where an operator's token asks; null for oneself
 * @param page to show then, relative to the first one, such as {@code jobs/4711}; null for the first one
 */
public record NewSignInCode(@Nullable String user, @Nullable String page) {
    private static final int MAX_PAGE = 500;
    /** Of our own pages only: nothing that a browser could take for the address of another server. */
    private static final Pattern PAGE = Pattern
            .compile("(cluster|(jobs|nodes|users|accounts)(/[A-Za-z0-9._~%+,\\[\\]*-]+)?)"
                    + "(\\?[A-Za-z0-9._~%+,&=\\[\\]*-]*)?");

    public NewSignInCode {
        user = Checks.text("user", user, 256);
        page = Checks.text("page", page, MAX_PAGE);
        if (page != null && !isPage(page)) {
            throw new InvalidFieldException("page", "must be a page of this server, such as jobs/4711, was "
                    + Checks.shown(page));
        }
    }

    public static boolean isPage(String text) {
        return text.length() <= MAX_PAGE && PAGE.matcher(text).matches();
    }
}
