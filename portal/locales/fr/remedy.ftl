# P15, the page that explains why a device is limited and how to put it right.
remedy-title = Votre appareil et ce réseau
remedy-still-works = En attendant, seul ce qui aide à réparer fonctionne : cette page, les mises à jour et l’assistance.
remedy-check-again = Vérifier à nouveau
remedy-checking-now = Vérification …
remedy-checking = Votre appareil est en cours de vérification.
remedy-checking-why = L’agent de sécurité de votre appareil répond en quelques secondes. Cette page se met à jour toute seule.
remedy-too-often = Cet appareil a été vérifié très souvent en une heure. Attendez quelques minutes puis réessayez, ou demandez à l’aide ci-dessous.
remedy-asked = Vous avez demandé une exception le { $at }. Le service informatique en décide :
remedy-excepted-until = Autorisé jusqu’au { $until } :
remedy-denied = Votre demande d’exception a été refusée :
remedy-to-do = Ce qu’il faut faire
remedy-unanswered = Pas encore de réponse
remedy-unanswered-why = L’agent de sécurité n’a pas répondu récemment à ces questions. Ce n’est ni bon ni mauvais.
remedy-advice = À faire également
remedy-advice-why = Cela ne limite pas votre appareil.
remedy-cannot = Impossible de corriger maintenant ?
remedy-cannot-why = Vous pouvez demander une exception limitée dans le temps. Le service informatique lit votre raison et décide.
remedy-ask = Demander une exception
remedy-ask-what = Une exception permet à votre appareil d’enfreindre une règle jusqu’à un certain moment. Ensuite, la règle s’applique de nouveau d’elle-même.
remedy-exception-rule = Quelle règle ?
remedy-exception-quarantine = La décision d’isoler cet appareil
remedy-exception-reason = Pourquoi est-ce nécessaire ?
remedy-exception-hours = Pour combien de temps ?
remedy-exception-no-rule = Choisissez une des règles.
remedy-exception-no-reason = Écrivez pourquoi vous en avez besoin : quelqu’un doit décider.
remedy-exception-long-reason = Écrivez au plus 1 000 caractères.
remedy-exception-no-length = Choisissez une des durées.
remedy-nothing-to-ask = Il n’y a rien en ce moment pour quoi demander une exception.
remedy-send = Envoyer
remedy-back = Retour
remedy-seen = Ce que nous avons vu :
remedy-steps = Comment corriger :
remedy-open-settings = Ouvrir les réglages
remedy-takes = Prend environ { $time }.
remedy-wrong = Cette vérification est erronée
remedy-wrong-what = Si votre appareil est conforme et que cette page dit le contraire, signalez-le. La vérification compte jusqu’à ce que quelqu’un l’ait examinée.
remedy-wrong-text = Qu’est-ce qui est faux ?
remedy-reported = Vous avez signalé que cette vérification est erronée. Quelqu’un va l’examiner.
remedy-data = Ce que l’agent de sécurité communique à ce réseau
remedy-data-what = Les noms et versions du système et de l’agent, le numéro de série, les adresses réseau et les réponses aux vérifications : réussie, échouée ou sans réponse.
remedy-data-not = On ne lui demande ni vos fichiers, ni vos messages, ni les pages que vous visitez.
remedy-not-here = Cette page concerne l’appareil connecté à ce réseau.
remedy-not-here-why = Aucun appareil n’est connu à votre adresse. Connectez-vous au réseau et ouvrez cette page sur l’appareil limité.
remedy-not-ours = Rien n’est vérifié sur cet appareil.
remedy-not-ours-why = Aucun agent de sécurité de cette organisation n’y fonctionne et personne ne l’isole. Si quelque chose ne marche pas, demandez à l’aide ci-dessous.
remedy-waiting = Votre appareil { $device } est isolé par le service informatique.
remedy-reason = La raison :
remedy-since = Depuis le { $at }.
remedy-ends = Cela se termine tout seul le { $at }.
remedy-no-end = Cela se termine quand le service informatique y met fin : demandez à l’aide ci-dessous.
remedy-unknown = Nous n’en savons pas assez sur votre appareil.
remedy-unknown-why = L’agent de sécurité n’a pas encore répondu à toutes les questions.
remedy-no-agent = Aucun agent de sécurité n’est connu pour cette connexion.
remedy-stale = Nous n’avons pas de nouvelles de l’agent de sécurité depuis le { $at }.
remedy-agent-online = Gardez l’appareil éveillé et connecté à ce réseau.
remedy-agent-runs = Vérifiez que l’agent osquery fonctionne, ou redémarrez l’appareil.
remedy-agent-ask = S’il n’est pas installé, demandez-le à l’aide ci-dessous.
remedy-restoring = Toutes les vérifications sont réussies. Votre accès est en cours de rétablissement.
remedy-fixed = Accès rétabli à { $at }.
remedy-reconnect = Vous devrez peut-être vous reconnecter au réseau.
remedy-excepted = Votre appareil peut enfreindre une règle pour un temps.
remedy-excepted-why = Quand ce temps sera écoulé, la règle s’appliquera de nouveau. Corrigez avant.
remedy-passing = Toutes les vérifications sont réussies.
remedy-last-answer = Dernière réponse de l’agent de sécurité : { $at }.
remedy-failing = { $failed ->
    [one] Votre appareil { $device } est limité parce que 1 vérification sur { $total } a échoué.
   *[other] Votre appareil { $device } est limité parce que { $failed } vérifications sur { $total } ont échoué.
}
remedy-failing-free = { $failed ->
    [one] Sur votre appareil { $device }, 1 vérification sur { $total } a échoué. Il n’est pas limité en ce moment.
   *[other] Sur votre appareil { $device }, { $failed } vérifications sur { $total } ont échoué. Il n’est pas limité en ce moment.
}
