# P18, what is stored about people.
privacy-title = Ce que nous conservons à votre sujet
privacy-intro = Ce réseau tient des registres pour fonctionner, pour trouver les pannes et pour donner suite aux abus. Chaque type est supprimé de lui-même une fois son délai écoulé :
privacy-decisions = Quand vous avez demandé à vous connecter, et la réponse
privacy-decisions-why = Heure, adresse de l’appareil, nom d’utilisateur, lieu, résultat et motif : pour comprendre ce qui ne marche pas et donner suite aux abus.
privacy-accounting = Quand vous étiez connecté
privacy-accounting-why = Début, fin et volume de données, sans ce que vous avez consulté : pour trouver les pannes et les abus.
privacy-sessions = Où vous étiez connecté
privacy-sessions-why = Port du commutateur ou réseau sans fil, votre adresse et la dernière façon dont votre appareil s’est connecté : pour trouver les pannes, atteindre le bon appareil et remarquer une copie de celui-ci.
privacy-guests = Ce que vous nous avez indiqué comme visiteur
privacy-guests-why = Nom, contact et personne visitée, selon ce que demande le formulaire : pour vous donner accès. Compté à partir de la fin de votre accès.
privacy-acceptances = Les conditions que vous avez acceptées
privacy-acceptances-why = Version et heure : pour pouvoir le prouver.
privacy-days = { $count ->
    [one] Supprimé après { $count } jour.
   *[other] Supprimé après { $count } jours.
}
privacy-not-stored = Nous ne conservons ni les pages que vous visitez ni ce que vous envoyez.
privacy-last-run = Dernière suppression : { $time }. Enregistrements supprimés : { $count }.
privacy-no-run = La première suppression n’a pas encore eu lieu.
privacy-yours = Vos propres données
privacy-nobody = Nous ne savons pas quel appareil vous utilisez. Connectez-le à ce réseau et ouvrez cette page dessus pour voir vos données.
privacy-device = Nous ne reconnaissons cet appareil qu’à son adresse matérielle, que d’autres à proximité pourraient imiter. Vous ne voyez donc que ce qui concerne la connexion actuelle.
privacy-person = Vous êtes connecté sous le nom { $name } et pouvez obtenir tout ce qui est conservé sous ce nom.
privacy-guest = Ce que vous nous avez indiqué
privacy-name = Nom
privacy-email = E-mail
privacy-phone = Téléphone
privacy-company = Société
privacy-export = Télécharger mes données (JSON)
privacy-erase-title = Supprimer ce que vous nous avez indiqué
privacy-erase-what = Cela supprime votre inscription de visiteur et nos e-mails, et met fin à votre accès immédiatement. Les registres de connexion, qui ne contiennent pas votre nom, restent jusqu’à la fin de leur délai.
privacy-erase = Supprimer et se déconnecter
privacy-erased-title = Supprimé
privacy-erased = Ce que vous nous avez indiqué est supprimé et votre accès prend fin. Pour vous inscrire de nouveau, il faudra peut-être vous reconnecter.
privacy-nobody-to-erase = Aucune inscription de visiteur faite depuis cette connexion ne peut être supprimée ici. Adressez-vous aux personnes qui gèrent ce réseau.
privacy-ask = Pour faire corriger ou supprimer quelque chose, adressez-vous aux personnes qui gèrent ce réseau et donnez-leur le code d’assistance ci-dessous.
privacy-signed-in = Vous êtes connecté en tant que { $name } et pouvez obtenir tout ce qui est enregistré sous ce nom, pour toutes les connexions.
privacy-export-mine = Tout télécharger (JSON)
privacy-here = Cette connexion
privacy-mine-why = Avez-vous un compte ici ?
privacy-ask-title = Demander une suppression ou une correction
privacy-ask-what = Ce que vous avez enregistré vous-même, vous le retirez vous-même sous Mes appareils. Pour le reste, écrivez ce qui doit être supprimé ou corrigé, ou quel consentement vous retirez ; les responsables de ce réseau le lisent et décident.
privacy-ask-text = Que faut-il faire ?
privacy-ask-send = Envoyer la demande
privacy-asked = Vous avez fait une demande le { $at }. Les responsables de ce réseau l’ont reçue.
privacy-asked-now = Votre demande est enregistrée.
