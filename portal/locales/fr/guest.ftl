# Guests: the form, the terms, the voucher, the mail, the sponsor, the time that is left.
guest-title = Se connecter en tant qu’invité
guest-limits = Appareils en même temps : { $devices }. Durée : { $duration }.
guest-after-email = Nous vous envoyons un courriel avec un lien. Votre appareil est connecté pendant { $count } minutes pour que vous puissiez l’ouvrir.
guest-after-sponsor = La personne que vous visitez est invitée à accepter votre demande.
guest-name = Nom
guest-email = Adresse électronique
guest-email-why = Nous y envoyons le lien de votre accès.
guest-email-hint = Pour pouvoir vous joindre pendant votre séjour.
guest-phone = Numéro de téléphone
guest-phone-hint = Pour pouvoir vous joindre pendant votre séjour. Nous n’y envoyons aucun message.
guest-company = Entreprise
guest-sponsor = Adresse électronique de la personne que vous visitez
guest-sponsor-why = Cette personne est invitée à accepter votre demande.
guest-reason = Motif de votre visite
guest-reason-hint = La personne que vous visitez le voit.
guest-terms-title = Conditions d’utilisation
guest-terms-read = Lire les conditions d’utilisation
guest-terms-accept = J’accepte les conditions d’utilisation
guest-terms-missing = Acceptez les conditions d’utilisation pour continuer.
guest-send = Se connecter
guest-field-empty = Cette indication est nécessaire : remplissez-la.
guest-field-unusable = Cette indication est trop longue ou contient des caractères inutilisables.
guest-email-unusable = Ce n’est pas une adresse électronique. Écrivez-la comme nom@example.org.
guest-sponsor-unusable = Ce n’est pas l’adresse d’une personne qui travaille ici. Demandez-la à la personne que vous visitez.
guest-voucher-title = Se connecter avec un bon
guest-code = Code
guest-code-hint = Dix lettres et chiffres, comme ABCDE-FGHJK. Les majuscules et les tirets n’ont pas d’importance.
guest-code-form = Un code a dix lettres et chiffres. Comparez-le avec votre bon.
guest-code-wrong = Ce code n’existe pas. Comparez-le avec votre bon.
guest-code-expired = Ce code n’est plus valable. Demandez un nouveau bon.
guest-code-used = Ce code est épuisé : sa durée est écoulée, ou assez d’appareils l’utilisent. Déconnectez un autre appareil, ou demandez un nouveau bon.
guest-code-elsewhere = Ce code n’est valable que sur un autre site. Demandez un bon pour celui-ci.
guest-code-early = Ce code est valable à partir du { $time }. Réessayez à ce moment.
guest-closed = Cette façon de se connecter n’est pas proposée ici. Recommencez à la page d’accueil.
guest-device-known = Cet appareil est déjà enregistré, et pas comme celui d’un invité. Demandez aux personnes ci-dessous.
guest-device-blocked = Cet appareil n’est pas autorisé sur ce réseau. Demandez aux personnes ci-dessous.
guest-device-limit = Vous utilisez autant d’appareils que permis. Déconnectez d’abord l’un d’eux.
guest-decided = C’est déjà décidé. Revenez en arrière pour voir comment.
guest-no-extension = Vous ne pouvez plus prolonger vous-même. Demandez aux personnes ci-dessous.
guest-nobody = Cet appareil n’est pas enregistré comme celui d’un invité. Recommencez à la page d’accueil.
guest-link-over = Ce lien n’est plus valable : un plus récent l’a remplacé, ou sa durée est écoulée.
guest-resend-later = Un courriel a été envoyé il y a peu. Regardez dans les indésirables, et réessayez plus tard.
guest-status-title = Votre connexion
guest-on = Vous êtes connecté
guest-until = Vous pouvez utiliser ce réseau jusqu’au { $time }.
guest-left = Temps restant
guest-devices = Appareils
guest-devices-used = { $used } sur { $max }
guest-reconnect = Il peut se passer une minute avant que tout fonctionne. Sinon, déconnectez-vous du réseau et reconnectez-vous.
guest-extend = Prolonger de { $duration }
guest-leave = Se déconnecter
guest-almost = Presque terminé
guest-mail-sent = Nous avons envoyé un courriel à { $address }. Ouvrez le lien qu’il contient, sur n’importe quel appareil.
guest-sponsor-asked = Nous avons demandé à { $address } d’accepter votre demande.
guest-activation = Jusqu’à { $time }, votre appareil est connecté pour cela.
guest-waits = Cette page vérifie d’elle-même s’il y a une réponse.
guest-resend = Renvoyer le courriel
guest-cancel = Annuler et recommencer
guest-denied-title = Votre demande a été refusée
guest-denied = Le motif indiqué : { $reason }
guest-over-title = Votre temps est écoulé
guest-over = Vous pouvez vous reconnecter depuis la page d’accueil.
guest-confirm-title = Confirmer votre accès
guest-confirm-which = Cet appareil obtient l’accès si vous confirmez :
guest-device = Appareil
guest-asked = Demandé le
guest-site = Site
guest-replace = Vous utilisez autant d’appareils que permis. Lequel laisse sa place ?
guest-replace-missing = Choisissez l’appareil qui laisse sa place.
guest-confirm-send = Confirmer
guest-confirm-not-you = Si vous n’avez rien demandé, fermez cette page : il ne se passe alors rien.
guest-confirm-done-title = Confirmé
guest-confirm-done = L’appareil { $device } peut utiliser le réseau jusqu’au { $time }.
guest-confirm-sponsor = Votre adresse est confirmée. La personne que vous visitez a été invitée à accepter votre demande.
guest-request-title = Un invité demande l’accès
guest-sign-in-why = Connectez-vous avec votre compte pour voir la demande et décider.
guest-sign-in-user = Nom d’utilisateur
guest-sign-in-password = Mot de passe
guest-sign-in-send = Se connecter
guest-sign-in-wrong = Le nom d’utilisateur ou le mot de passe est faux. Réessayez.
guest-sign-in-not-allowed = Votre compte ne peut pas accepter d’invités. Demandez à un collègue qui le peut.
guest-sign-in-again = Votre connexion a expiré. Connectez-vous de nouveau.
guest-signed-in = Connecté en tant que { $user }
guest-hours = Pour combien d’heures
guest-hours-hint = Au plus { $duration }.
guest-hours-unusable = Écrivez un nombre d’heures qui ne dépasse pas la demande.
guest-approve = Accepter l’invité
guest-deny = Refuser
guest-deny-reason = Motif, si vous refusez
guest-deny-reason-hint = L’invité le lit.
guest-deny-reason-missing = Dites pourquoi vous refusez, en 200 caractères au plus.
guest-decided-yes = { $by } a accepté cet invité le { $time }, jusqu’au { $until }.
guest-decided-no = { $by } a refusé cet invité le { $time }.
guest-request-over = Cette demande est terminée : il n’y a plus rien à décider.
guest-mail-verify-subject = Confirmez votre accès : { $site }
guest-mail-verify =
    Quelqu’un a demandé l’accès avec cette adresse : { $site }. Si c’était vous, ouvrez ce lien et confirmez :

    { $link }

    Le lien est valable un jour, sur n’importe quel appareil. Si ce n’était pas vous, ne faites rien : personne n’obtient alors l’accès.
guest-mail-sponsor-subject = Un invité demande l’accès : { $site }
guest-mail-sponsor =
    Un invité vous a indiqué comme la personne qu’il visite, et demande l’accès : { $site }.

    Nom : { $name }

    Entreprise : { $company }

    Motif : { $reason }

    Ouvrez ce lien pour décider. Il vous sera demandé de vous connecter :

    { $link }

    Le lien est valable un jour. Si vous ne faites rien, l’invité n’obtient pas l’accès.
