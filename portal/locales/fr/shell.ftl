# The frame of every page, what failed, and what pages share.
shell-network = Accès au réseau
shell-skip = Aller au contenu
shell-language = Langue :
shell-help = Besoin d’aide ? Contactez :
shell-code = Code d’assistance { $code }
shell-privacy = Ce que nous conservons à votre sujet
shell-to-start = Retour à l’accueil
shell-optional = (facultatif)
shell-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
shell-hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
}
shell-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
shell-fault-of = { $field } : { $fault }
shell-faults = { $count ->
    [one] Un champ est à revoir
   *[other] { $count } champs sont à revoir
}
shell-not-found-title = Cette page n’existe pas
shell-not-found = L’adresse est peut-être mal écrite, ou le lien n’est plus valable. Recommencez depuis la page d’accueil.
shell-forbidden-title = Ce n’est pas possible
shell-forbidden = Vous ne pouvez pas faire cela avec cet appareil ou depuis ce réseau. Si vous pensez que c’est une erreur, donnez votre code d’assistance aux personnes ci-dessous.
shell-too-many-title = Trop de tentatives
shell-too-many = Il y a eu trop de tentatives en peu de temps. Attendez une minute, puis réessayez.
shell-unusable-title = Cela n’a pas pu être utilisé
shell-unusable = Ce qui a été envoyé ne convient pas. Revenez en arrière, vérifiez vos saisies et envoyez-les de nouveau.
shell-unavailable-title = Indisponible pour le moment
shell-unavailable = Le serveur n’a pas pu le faire à l’instant. Réessayez dans une minute.
shell-nothing-lost = Rien n’a été modifié et rien n’a été perdu.
shell-not-here = Cela ne fonctionne qu’avec un appareil connecté à ce réseau. Connectez-vous et ouvrez cette page sur le même appareil.
shell-link-refused = Ce lien appartient à un autre appareil ou à une connexion terminée. Déconnectez-vous du réseau, reconnectez-vous et utilisez la page qui s’ouvre.
shell-no-ca = Le certificat de ce serveur provient de l’autorité de votre organisation : demandez-le à votre service informatique.
