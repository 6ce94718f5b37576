//! The Fluent files, embedded and read once.

use std::sync::LazyLock;

use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;

use super::Language;

/// One language's texts.
pub(super) type Bundle = FluentBundle<FluentResource>;

/// One area's files, in the order of [`Language::ALL`].
type Area = (&'static str, [&'static str; Language::ALL.len()]);

macro_rules! area {
    ($name:literal) => {
        (
            $name,
            [
                include_str!(concat!("../../locales/en/", $name, ".ftl")),
                include_str!(concat!("../../locales/de/", $name, ".ftl")),
                include_str!(concat!("../../locales/fr/", $name, ".ftl")),
                include_str!(concat!("../../locales/es/", $name, ".ftl")),
                include_str!(concat!("../../locales/ar/", $name, ".ftl")),
            ],
        )
    };
}

/// Every area, by name. Add yours in its place.
pub(super) const AREAS: &[Area] = &[
    area!("device"),
    area!("guest"),
    area!("landing"),
    area!("privacy"),
    area!("remedy"),
    area!("shell"),
];

static BUNDLES: LazyLock<Vec<Bundle>> = LazyLock::new(|| {
    let languages = Language::ALL.iter().enumerate();
    languages
        .map(|(index, language)| {
            let mut bundle = Bundle::new_concurrent(vec![language.identifier()]);
            // Where text runs from right to left, what is put into it must not turn its neighbours around.
            bundle.set_use_isolating(language.is_right_to_left());
            for (_, files) in AREAS {
                let source = files.get(index).copied().unwrap_or_default();
                let resource = match FluentResource::try_new(source.to_owned()) {
                    Ok(resource) => resource,
                    // The tests refuse such a file.
                    Err((resource, _)) => resource,
                };
                bundle.add_resource_overriding(resource);
            }
            bundle
        })
        .collect()
});

/// The texts of a language.
pub(super) fn bundle(language: Language) -> &'static Bundle {
    let bundles = &*BUNDLES;
    bundles
        .get(language as usize)
        .expect("there is a bundle for every language")
}
