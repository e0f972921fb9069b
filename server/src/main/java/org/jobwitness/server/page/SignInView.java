package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.foreign;
import static org.jobwitness.server.page.Html.text;

import org.jobwitness.server.access.BrowserCookie;
import org.jobwitness.server.access.SignInCodes;

/** What stands on the pages by which people sign in and out. */
final class SignInView {
    private SignInView() {
    }

    /** Before a code is used. */
    static String confirm(Links links, String code, SignInCodes.Grant grant) {
        return page(links, "Sign in", element("p", text("You will see the jobs of "),
                element("b", foreign(grant.user().label())), text(" in this browser, for 12 hours.")),
                element("form", attribute("method", "post"), attribute("action", links.page("sign-in")),
                        hidden("code", code),
                        element("button", css("main"), attribute("type", "submit"),
                                text("Sign in as " + grant.user().label()))));
    }

    static String used(Links links) {
        return page(links, "This link has been used, or has expired",
                element("p", "A link signs in once, within five minutes."), howTo("jobwitness open"));
    }

    static String signedOut(Links links) {
        return page(links, "You are signed out", howTo("jobwitness open"));
    }

    /** @param command to run on a login node */
    static Html howTo(String command) {
        return element("p", text("On a login node, run "), element("code", command),
                text(" and open the link that it prints. Or open jobwitness in Open OnDemand, if your site has it."));
    }

    /** In the head of each page: who reads it. */
    static Html signOut(Links links, Links.Reader reader) {
        return reader.formToken().map(token -> element("form", css("person"), attribute("method", "post"),
                attribute("action", links.page("sign-out")), foreign(reader.name()),
                hidden(BrowserCookie.FORM_TOKEN, token),
                element("button", attribute("type", "submit"), text("Sign out"))))
                .orElseGet(() -> element("p", css("person"), foreign(reader.name())));
    }

    private static Html hidden(String name, String value) {
        return element("input", attribute("type", "hidden"), attribute("name", name), attribute("value", value));
    }

    private static String page(Links links, String heading, Html... content) {
        return Layout.page(links, heading, "", "",
                element("section", css("card error"), element("h1", heading), Html.group(content)));
    }
}
