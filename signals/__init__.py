"""From a news file to dated decisions: stories, events, features, labels, classifier, signals."""
