package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.foreign;
import static org.jobwitness.server.page.Html.text;

import java.net.URI;
import java.util.Optional;
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
                element("p", "A link signs in once, within five minutes."), ways(links, "jobwitness open", ""));
    }

    static String signIn(Links links) {
        return page(links, "Sign in", element("p", "You see your own jobs once you are signed in."),
                ways(links, "jobwitness open", ""));
    }

    /** @param endOfSession where the OpenID provider's own session ends; empty where there is none */
    static String signedOut(Links links, Optional<URI> endOfSession) {
        return page(links, "You are signed out", endOfSession.map(address -> element("p",
                text("Whoever opens this browser next may still be signed in with "),
                text(links.provider().orElse("the provider")), text(": "),
                Links.link(address.toString(), "sign out there, too"), text("."))).orElse(Html.NOTHING),
                ways(links, "jobwitness open", ""));
    }

    /** Nobody was signed in by the OpenID provider. */
    static String failed(Links links, String cause) {
        return page(links, "You are not signed in", element("p", cause), ways(links, "jobwitness open", ""));
    }

    /**
     * How to sign in here.
     *
     * @param command to run on a login node
     * @param page to show then, without a slash before it; empty for the first one
     */
    static Html ways(Links links, String command, String page) {
        boolean hasProvider = links.provider().isPresent();
        return Html.group(links.provider().map(host -> element("p", element("a", css("main"),
                attribute("href", links.page("sign-in/oidc")
                        + (page.isEmpty() ? "" : Links.query("page", page))),
                text("Sign in with " + host)))).orElse(Html.NOTHING),
                element("p", text(hasProvider ? "Or, on a login node, run " : "On a login node, run "),
                        element("code", command), text(" and open the link that it prints. Or open jobwitness in"
                                + " Open OnDemand, if your site has it.")));
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
