package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.stream.Stream;

/** What all pages have in common: head, search, navigation and footer. */
final class Layout {
    private Layout() {
    }

    /**
     * A whole page.
     *
     * @param query what the search box contains
     * @param live the filter of the stream that says when the page has changed, such as {@code id=17}; empty for none
     */
    static String page(Links links, String title, String query, String live, Html... content) {
        StringBuilder page = new StringBuilder(32_768).append("<!doctype html>\n");
        element("html", attribute("lang", "en"), head(links, title),
                element("body", attribute("data-root", links.root()), attribute("data-live", live),
                        element("a", css("skip"), attribute("href", "#content"), text("Skip to the content")),
                        header(links, query),
                        element("main", attribute("id", "content"), attribute("tabindex", "-1"), group(content)),
                        footer(links)))
                .writeTo(page);
        return page.append('\n').toString();
    }

    private static Html head(Links links, String title) {
        return element("head", element("meta", attribute("charset", "utf-8")),
                element("meta", attribute("name", "viewport"),
                        attribute("content", "width=device-width, initial-scale=1")),
                element("meta", attribute("name", "color-scheme"), attribute("content", "light dark")),
                element("title", title + " · jobwitness"),
                element("link", attribute("rel", "icon"), attribute("href", "data:,")),
                group(Stream.of("uPlot.min.css", "page.css").map(file -> element("link",
                        attribute("rel", "stylesheet"), attribute("href", links.asset(file))))),
                element("script", attribute("defer", ""), attribute("src", links.asset("uPlot.iife.min.js"))),
                element("script", attribute("type", "module"), attribute("src", links.asset("page.js"))));
    }

    private static Html header(Links links, String query) {
        return element("header",
                element("a", css("brand"), attribute("href", links.home()), text("jobwitness")),
                element("nav", attribute("aria-label", "Pages"),
                        Links.link(links.jobs(), "Jobs"), Links.link(links.page("cluster"), "Cluster"),
                        Links.link(links.page("reports"), "Reports")),
                element("form", attribute("role", "search"), attribute("action", links.page("search")),
                        element("label", css("hidden"), attribute("for", "q"), text("Search for a job, user or node")),
                        element("input", attribute("type", "search"), attribute("id", "q"), attribute("name", "q"),
                                attribute("value", query), attribute("maxlength", "256"),
                                attribute("placeholder", "Job ID, name, user or node"),
                                attribute("autocomplete", "off"), attribute("spellcheck", "false")),
                        element("kbd", attribute("aria-hidden", "true"), text("/"))),
                links.reader().map(reader -> SignInView.signOut(links, reader)).orElse(Html.NOTHING));
    }

    private static Html footer(Links links) {
        return element("footer", element("p", attribute("id", "zone"), text("Times are in UTC.")),
                element("p", attribute("id", "live"), attribute("role", "status")),
                element("p", Links.link(links.page("docs"), "API"),
                        links.isOperator()
                                ? group(text(" · "), Links.link(links.page("v1/health"), "State of this server"))
                                : Html.NOTHING));
    }
}
